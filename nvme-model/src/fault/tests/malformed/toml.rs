//! The TOML form: from the tables of the language, and from the schema that is published.

use serde_json::Value;

use super::*;

/// A plan in which a word is written wrong: before it, the wrong part, behind it.
struct Wrong {
    before: String,
    part: String,
    after: String,
}

impl Wrong {
    fn error(&self) -> RuleError {
        let Self { before, part, after } = self;
        let text = format!("{before}{part}{after}");
        FaultPlan::from_toml(&text).expect_err(&text)
    }

    /// The error, which points to a character of the wrong part.
    fn error_inside(&self) -> String {
        let error = self.error();
        let start = self.before.len();
        let places = (start..start + self.part.len().max(1)).map(|end| self.place(end));
        let found = (error.line().expect("a line"), error.column());
        let places: Vec<(usize, usize)> = places.collect();
        assert!(places.contains(&found), "{found:?} is not in {:?}: {error}", self.part);
        let text = error.in_file("p.toml").to_string();
        assert!(text.starts_with(&format!("p.toml:{}:{}: ", found.0, found.1)), "{text}");
        text
    }

    /// Line and column of a byte.
    fn place(&self, at: usize) -> (usize, usize) {
        let text = format!("{}{}{}", self.before, self.part, self.after);
        let (line, column) =
            text.bytes().take(at).fold((1, 1), |(line, column), byte| match byte {
                b'\n' => (line + 1, 1),
                // The second and later bytes of a character.
                0x80..0xc0 => (line, column),
                _ => (line, column + 1),
            });
        (line, column)
    }
}

/// The row's example in TOML, with its word written like this.
fn with_word(field: Field, written: impl Fn(&str) -> String) -> Wrong {
    let rule: Rule = field.example.parse().expect(field.example);
    let text = FaultPlan { seed: 1, rules: vec![rule] }.to_toml();
    let key = format!("{} = ", field.word);
    let is_whole = |at: &usize| !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '-');
    let start = text.match_indices(&key).map(|(at, _)| at).find(is_whole).expect(&text);
    let value = &text[start + key.len()..];
    let length = match value.strip_prefix('"') {
        Some(inside) => inside.find('"').expect("its end") + 2,
        None => "true".len(),
    };
    let end = start + key.len() + length;
    // What an editor shows as one character is one column.
    let before = format!("# \u{e4}\n{}", &text[..start]);
    Wrong { before, part: written(&text[start..end]), after: text[end..].into() }
}

#[test]
fn every_wrong_value_is_found_at_its_line_and_column_and_told_what_is_allowed() {
    for field in fields() {
        let word = field.word;
        for (value, allowed) in mistakes(field) {
            let text = value.clone().map_or("true".into(), |value| format!("{value:?}"));
            let wrong = with_word(field, |_| format!("{word} = {text}"));
            let error = wrong.error_inside();
            assert!(error.contains(allowed), "{word} = {text}: no {allowed:?} in {error}");
            field.assert_said(&error);
            // The same as a number, where it is one for TOML.
            let number = value.filter(|value| value.parse::<f64>().is_ok() && *value != ".");
            if let Some(number) = number {
                let error = with_word(field, |_| format!("{word} = {number}")).error_inside();
                assert!(error.contains(allowed), "{word} = {number}: no {allowed:?} in {error}");
                field.assert_said(&error);
            }
        }
        if !field.value.is_empty() {
            let error = with_word(field, |_| format!("{word} = false")).error_inside();
            assert!(error.contains("needs a value"), "{error}");
        }
    }
}

#[test]
fn every_word_that_is_given_twice_is_found_where_it_stands_again() {
    for field in fields() {
        let between = if field.section == Section::Rule { "\n" } else { ", " };
        let once = with_word(field, str::to_owned);
        let before = format!("{}{}{between}", once.before, once.part);
        let error = Wrong { before, ..once }.error_inside();
        assert!(error.contains("given twice; "), "{error}");
        field.assert_said(&error);
    }
}

/// Values of types that no word has.
const WRONG_TYPES: [&str; 3] = ["[1]", "{ a = 1 }", "1979-05-27"];

#[test]
fn every_field_of_the_schema_with_a_value_of_another_type_is_told_what_is_allowed() {
    let schema: Value = serde_json::from_str(&json_schema()).expect("JSON");
    let mut count = 0;
    for (table, of_table) in schema["$defs"].as_object().expect("tables") {
        for (word, of_word) in of_table["properties"].as_object().expect("words") {
            let wrong_types: &[&str] = match () {
                // A table, or tables: a match.
                () if of_word.get("$ref").is_some() || of_word.get("anyOf").is_some() => {
                    &["1", "true", "\"x\""]
                }
                () => &WRONG_TYPES,
            };
            for value in wrong_types {
                let error = in_table(table, &format!("{word} = {value}")).error_inside();
                match fields().into_iter().find(|field| field.word == word) {
                    Some(field) => field.assert_said(&error),
                    None => {
                        let form = "expected a match such as { queue = 1 }, or a list of them";
                        let is_said = error.contains(form) || error.contains("known: ");
                        assert!(is_said, "{error}");
                    }
                }
                count += 1;
            }
        }
    }
    assert!(count > 200, "{count}");
}

/// A plan whose only rule has this in one of its tables.
fn in_table(table: &str, part: &str) -> Wrong {
    let (before, after) = match table {
        "rule" => ("[[rule]]\n".to_owned(), "\n"),
        table => (format!("[[rule]]\n{table} = {{ "), " }\n"),
    };
    Wrong { before, part: part.into(), after: after.into() }
}

#[test]
fn an_unknown_word_in_any_table_of_the_schema_is_told_every_word_of_it() {
    let schema: Value = serde_json::from_str(&json_schema()).expect("JSON");
    for (table, of_table) in schema["$defs"].as_object().expect("tables") {
        let error = in_table(table, "zzz = 1").error_inside();
        let known = error.split("known: ").nth(1).expect("what is known");
        let known: Vec<&str> = known.split(", ").collect();
        let words = of_table["properties"].as_object().expect("words");
        assert!(words.keys().all(|word| known.contains(&word.as_str())), "{table}: {error}");
        assert_eq!(words.len(), known.len(), "{table}: {error}");
        // A word of another table is sent there.
        for field in fields().iter().filter(|field| field.section.name() != table) {
            let error = in_table(table, &format!("{} = 1", field.word)).error_inside();
            let there = match field.section {
                Section::Rule => "stands in the rule itself".to_owned(),
                section => format!("stands in the table {:?}", section.name()),
            };
            assert!(error.contains(&there), "{error}");
            field.assert_said(&error);
        }
    }
    let error = Wrong { before: "\n".into(), part: "zzz = 1".into(), after: "\n".into() };
    let error = error.error_inside();
    let known = error.split("known: ").nth(1).expect("what is known");
    let words = schema["properties"].as_object().expect("words");
    assert!(words.keys().all(|word| known.split(", ").any(|known| known == word)), "{error}");
}

#[test]
fn every_field_of_a_plan_with_a_value_of_another_type_is_told_what_is_allowed() {
    for (word, values, allowed) in [
        ("seed", &["-1", "\"x\"", "1.5", "true", "[1]"][..], "a number from 0 to 2^64 - 1"),
        ("rules", &["1", "\"read => drop\"", "{ a = 1 }"], "a list of rules such as [\"flush"),
        ("rules", &["[1]", "[[]]"], "a rule in one line such as \"flush"),
        ("rule", &["1", "{ do = { drop = true } }"], "tables that begin with [[rule]]"),
        ("rule", &["[1]"], "known: name, phase, match, when, do, until"),
    ] {
        for value in values {
            let part = format!("{word} = {value}");
            let error =
                Wrong { before: "# a plan\n".into(), part, after: "\n".into() }.error_inside();
            assert!(error.contains(allowed), "{word} = {value}: no {allowed:?} in {error}");
        }
    }
}

#[test]
fn a_mistake_in_a_line_of_a_file_is_found_however_the_line_is_quoted() {
    for (quote, end) in [
        ("\"", "\""),
        ("'", "'"),
        ("\"\"\"", "\"\"\""),
        ("'''\n", "'''"),
        ("\"\"\"\n\n ", "\"\"\""),
    ] {
        let before = format!("seed = 1\nrules = [\"read => drop\", {quote}read ");
        let wrong = Wrong { before, part: "nth=x".into(), after: format!(" => hang{end}]\n") };
        let found = wrong.error();
        assert_eq!((found.line(), found.column()), {
            let (line, column) = wrong.place(wrong.before.len());
            (Some(line), column)
        });
    }
    // Where the text is not written as it is read, the beginning of the string is the place.
    let before = "rules = [".to_owned();
    let part = "\"read\\u0020nth=x => drop\"".into();
    let error = Wrong { before, part, after: "]\n".into() }.error_inside();
    assert!(error.starts_with("p.toml:1:10: \"nth=x\""), "{error}");
}
