//! One section for each distinct failure: what, how often, who learned of it, when it was sealed, what to paste.

use std::fmt::Write;

use results::Build;

use super::super::{escaped, timeline};
use super::{FailureStory, figures, is_the_same};
use crate::oracle::Journey;
use crate::report::story::told;
use crate::run::UnitResult;

pub(super) fn sections(stories: &[FailureStory], build: &Build) -> String {
    let mut out = String::from("<h2>Failures</h2>\n");
    if stories.is_empty() {
        return out + "<p class=\"soft\">None: every experiment came out as predicted.</p>\n";
    }
    for (number, story) in (1..).zip(stories) {
        out += &section(number, story, build);
    }
    out
}

fn section(number: usize, story: &FailureStory, build: &Build) -> String {
    let example = &story.failure.example;
    let word = |key| escaped(example.word(key).unwrap_or("-"));
    let mut out = format!(
        "<section class=\"failure\" id=\"failure-{number}\">\n<h3>{number}. {} by {}: <span class=\"lost\">{}</span></h3>\n\
         <p>{} units; the smallest has {} events. <span class=\"soft\">{}</span></p>\n",
        word("scenario"),
        word("path"),
        escaped(&example.verdict.to_string()),
        story.failure.count,
        example.events,
        escaped(example.detail.as_deref().unwrap_or_default()),
    );
    let line = crate::line_to_paste(&example.unit, &example.trace_hash, build);
    let _ = writeln!(out, "<pre class=\"paste\">{}</pre>", escaped(&line));
    for fault in &example.faults {
        let at: Vec<_> =
            fault.fired_at.iter().map(|at| format!("event {} ({})", at.event, at.phase)).collect();
        let _ = writeln!(
            out,
            "<p class=\"soft\"><code>{}</code> fired {} of {} times: {}</p>",
            escaped(&fault.rule),
            fault.fired,
            fault.planned,
            escaped(&at.join(", "))
        );
    }
    match &story.run {
        None => out += "<p class=\"soft\">Not run again.</p>\n",
        Some(run) => {
            if !is_the_same(story) {
                let _ = writeln!(
                    out,
                    "<p><span class=\"bad\">another trace</span> when run again: {}</p>",
                    run.trace_hash.short()
                );
            }
            out += &of_the_run(run);
        }
    }
    if let Some(point) = &story.point {
        out += &figures::point(point);
    }
    out + "</section>\n"
}

fn of_the_run(run: &UnitResult) -> String {
    let mut out = String::new();
    if run.facts.is_silent_and_wrong() {
        out += "<p><span class=\"bad\">silent and wrong</span> the data is wrong, and nobody who should know was told</p>\n";
    }
    out += &who_learned(&run.facts.journeys);
    let picture = timeline::timeline(run.trace.entries());
    let _ = writeln!(out, "<div class=\"wide\">{picture}</div>");
    let _ = writeln!(
        out,
        "<details><summary>layer by layer: swap, mapping, transaction, command, completion</summary><pre>{}</pre></details>",
        escaped(&told(run))
    );
    out
}

fn who_learned(journeys: &[Journey]) -> String {
    if journeys.is_empty() {
        return "<p class=\"soft\">No layer saw an error.</p>\n".to_owned();
    }
    let mut out = "<div class=\"wide\"><table class=\"sort\"><thead><tr><th>I/O</th><th>error</th><th>who learned of it</th>\
                   <th>in the end</th><th>how many</th></tr></thead><tbody>\n"
        .to_owned();
    for journey in journeys {
        let class = match journey.fate.name() {
            "silent" => "wrong",
            "told" => "lost",
            _ => "soft",
        };
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"{class}\">{}</td><td class=\"number\">{}</td></tr>",
            journey.operation,
            escaped(&journey.cause),
            escaped(&journey.learned.to_string()),
            journey.fate.name(),
            journey.count
        );
    }
    out + "</tbody></table></div>\n"
}
