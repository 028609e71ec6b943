//! The one-line form.

use super::*;

/// The row's example with its word written like this, and the column of it.
fn with_word(field: Field, written: &str) -> (String, usize) {
    let is_word = |word: &&str| word.split('=').next() == Some(field.word);
    let words: Vec<&str> = field.example.split(' ').collect();
    let index = words.iter().position(is_word).expect(field.example);
    // Spaces in front, so that a column is more than a count of words.
    let before: String = words[..index].iter().map(|word| format!("  {word}")).collect();
    let after: String = words[index + 1..].iter().map(|word| format!(" {word}")).collect();
    let column = before.chars().count() + 3;
    (format!("{before}  {written}{after}"), column)
}

fn error(line: &str) -> RuleError {
    line.parse::<Rule>().expect_err(line)
}

#[test]
fn every_wrong_value_is_found_at_its_column_and_told_what_is_allowed() {
    for field in fields() {
        for (value, allowed) in mistakes(field) {
            let written =
                value.map_or(field.word.into(), |value| format!("{}={value}", field.word));
            // A space ends the word; what is behind it is another mistake.
            let written = written.replace("1 us", "1_us");
            let (line, column) = with_word(field, &written);
            let error = error(&line);
            let text = error.to_string();
            assert_eq!(error.column(), column, "{line}: {text}");
            assert!(text.starts_with(&format!("fault rule, column {column}: ")), "{text}");
            assert!(text.contains(allowed), "{line}: no {allowed:?} in {text}");
            field.assert_said(&text);
        }
    }
}

#[test]
fn every_word_that_is_given_twice_is_found_where_it_stands_again() {
    for field in fields() {
        let words = field.example.split(' ');
        let word = words.clone().find(|word| word.split('=').next() == Some(field.word));
        let word = word.expect(field.example);
        let (line, first) = with_word(field, &format!("{word} {word}"));
        let error = error(&line);
        let text = error.to_string();
        assert_eq!(error.column(), first + word.chars().count() + 1, "{line}: {text}");
        assert!(text.contains("given twice; "), "{text}");
        field.assert_said(&text);
    }
}

#[test]
fn every_word_on_the_wrong_side_of_the_arrow_is_sent_to_the_other() {
    for field in fields() {
        let written =
            field.example.split(' ').find(|word| word.split('=').next() == Some(field.word));
        let written = written.expect(field.example);
        let is_behind = matches!(field.section, Section::Do | Section::Until);
        let (line, column, words) = if is_behind {
            (format!("read {written} => drop"), 6, "stands behind the =>")
        } else {
            (format!("read => drop {written}"), 14, "stands before the =>")
        };
        let error = error(&line);
        assert_eq!(error.column(), column, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        field.assert_said(&error.to_string());
    }
}

#[test]
fn parts_that_do_not_go_together_are_found_at_the_part_that_is_too_much() {
    for (line, about) in [
        ("read phase=submission nth=1 => drop set=x", "phase="),
        ("read nth=2 => drop count=3 set=x", "count="),
        ("read within=5ms nth=2 => drop", "within="),
        ("read => status=media/unrecovered-read until-rewrite set=x", "until-rewrite"),
        ("read => dnr drop", "dnr"),
        ("read => more drop set=x", "more"),
        ("read => status=generic/internal-error crd=1 dnr", "crd="),
        ("enable lba=1 nth=2 => cfs", "lba="),
        ("enable not{ all{ nsid=1 } } nth=2 => cfs", "nsid="),
        ("read any{ reg=1 | queue=1 } nth=2 => drop", "reg="),
        ("read => rdy-never set=x", "rdy-never"),
        ("read => drop set=never count=2", "set="),
        ("read => drop hang count=2", "hang"),
    ] {
        let error = error(line);
        assert_eq!(error.column(), line.find(about).expect(about) + 1, "{error}");
    }
}
