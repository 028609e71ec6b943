//! The list of everything that a rule can say.

use std::fmt::Write as _;

use campaign::report::wrapped;
use file_server::ACTIONS;
use nvme_model::fault::{Group, KINDS, Kind, On, Section, WORDS, distributions};

/// The list: kinds by group, then the words of the other parts of a rule.
pub(super) fn text() -> String {
    let mut text = String::from(
        "A rule says which commands, which of them, what happens, and how long:\n\
         \n    read lba=0x10..0x20 nth=3 => status=media/unrecovered-read dnr count=1\n\
         \nInstead of a command it can name what else the host does: enable, disable,\n\
         shutdown, subsystem-reset, doorbell, register-read, register-write, config-read.\n\
         Matches combine: any{ queue=1 | lba=5..9 }, all{ ... | ... }, not{ ... }.\n",
    );
    for group in Group::ALL {
        let _ = writeln!(text, "\n{}", group.title().to_uppercase());
        for row in KINDS.iter().filter(|row| row.group == group) {
            kind(&mut text, row);
        }
    }
    let sections = [
        (Section::Rule, "the rule itself"),
        (Section::Match, "which commands"),
        (Section::When, "which of them"),
        (Section::Do, "beside what happens"),
        (Section::Until, "how long"),
    ];
    for (section, title) in sections {
        let _ = writeln!(text, "\n{}", title.to_uppercase());
        for row in WORDS.iter().filter(|row| row.section == section) {
            entry(&mut text, row.word, row.value, row.help, row.example);
        }
    }
    server_entries(&mut text);
    let _ = writeln!(text, "\nDISTRIBUTIONS OF A DELAY");
    for distribution in distributions() {
        let _ = writeln!(text, "  {distribution}");
    }
    text
}

/// The rules of a file server, for the path `net`: a language of its own, as the requests are others.
fn server_entries(text: &mut String) {
    let _ = writeln!(
        text,
        "\nA FILE SERVER'S RULES (in a scenario: server-faults)\n  \
         REQUEST [page=N|A..B] [nth=N] [every=N] [chance=P] [name=X] [after=X]\n      \
         => ACTION [count=N]; requests are any, io, and those of 9P2000.L\n      \
         read page=10 => error=EIO"
    );
    for (word, value, help) in ACTIONS {
        let equals = if value.is_empty() { "" } else { "=" };
        let _ = writeln!(text, "  {word}{equals}{value}\n      {help}");
    }
}

/// A kind, and the only commands at which a rule may name it, if these are not all.
fn kind(text: &mut String, row: &Kind) {
    entry(text, row.word, row.value, row.help, row.example);
    let names: Vec<String> = row.targets().iter().map(ToString::to_string).collect();
    if !names.is_empty() {
        let form = if matches!(row.on, On::These(_)) { "" } else { "in this form " };
        text.push_str(&wrapped(&format!("{form}only at {}", names.join(", ")), "      "));
    }
}

fn entry(text: &mut String, word: &str, value: &str, help: &str, example: &str) {
    let equals = if value.is_empty() { "" } else { "=" };
    let _ = writeln!(text, "  {word}{equals}{value}\n      {help}\n      {example}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_fits_80_columns_and_has_every_kind() {
        let text = text();
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        for row in KINDS {
            assert!(text.contains(&format!("\n  {}", row.word)), "{}", row.word);
            assert!(text.contains(row.example), "{}", row.example);
        }
    }
}
