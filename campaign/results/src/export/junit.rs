//! JUnit XML, as CI systems read it.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Standing, counts, standing, test_name};
use crate::summary::Summary;

/// The summary as JUnit XML: a suite for each scenario, a test for each cell.
///
/// # Errors
/// A text for people, if a name cannot be written as XML.
pub fn junit(campaign: &str, summary: &Summary) -> Result<String, String> {
    let mut report = Report::new(campaign);
    for (key, cell) in &summary.matrix {
        let status = match standing(cell) {
            Standing::Ok => TestCaseStatus::success(),
            Standing::Skipped => TestCaseStatus::skipped(),
            Standing::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        };
        let mut test = TestCase::new(test_name(key), status);
        test.set_classname(key.scenario.as_str());
        test.set_system_out(counts(cell));
        suite(&mut report, &key.scenario).add_test_case(test);
    }
    let mut controls = TestCase::new("every control was caught", validity(summary));
    controls.set_system_out(format!(
        "{} controls run, {} not caught",
        summary.controls.run,
        summary.controls.not_caught.len()
    ));
    suite(&mut report, "controls").add_test_case(controls);
    report.to_string().map_err(|error| error.to_string())
}

fn validity(summary: &Summary) -> TestCaseStatus {
    if summary.is_valid() {
        TestCaseStatus::success()
    } else {
        TestCaseStatus::non_success(NonSuccessKind::Error)
    }
}

/// The suite of that name; the matrix is sorted by scenario, so it is the last one or a new one.
fn suite<'a>(report: &'a mut Report, name: &str) -> &'a mut TestSuite {
    if report.test_suites.last().is_none_or(|last| last.name.as_str() != name) {
        report.add_test_suite(TestSuite::new(name));
    }
    let last = report.test_suites.len() - 1;
    &mut report.test_suites[last]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::testing::record;

    #[test]
    fn a_surprise_is_a_failure_and_the_text_is_escaped() {
        let mut summary = Summary::default();
        let mut good = record(1).outcome;
        good.unit = "scenario=a path=dio".into();
        let mut bad = record(2).outcome;
        bad.unit = "scenario=b path=<swap>".into();
        bad.verdict = "FAIL(x)".parse().expect("a verdict");
        summary.add(&good);
        summary.add(&bad);
        let xml = junit("mail", &summary).expect("xml");
        let report = Report::deserialize_from_str(&xml).expect("read back");
        let suites: Vec<(&str, usize)> = report
            .test_suites
            .iter()
            .map(|suite| (suite.name.as_str(), suite.failures + suite.errors))
            .collect();
        assert_eq!(suites, [("a", 0), ("b", 1), ("controls", 1)]);
        assert!(xml.contains("&lt;swap&gt;"), "{xml}");
    }
}
