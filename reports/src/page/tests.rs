use super::*;
use crate::specimen::{self, HOSTILE, history, operation, operations};
use harness_history::{Outcome, Verdict};

fn rendered(results: &Results, operations: &[Operation]) -> String {
    render(results, &history(), operations, None).unwrap()
}

/// One part of the page, an element a line.
fn part(page: &str, from: &str, to: &str) -> String {
    let (_, rest) = page.split_once(from).unwrap();
    let (part, _) = rest.split_once(to).unwrap();
    part.replace("><", ">\n<")
}

#[test]
fn the_strip_says_the_verdict_and_what_it_stands_on() {
    let page = rendered(&specimen::valid(), &operations());
    insta::assert_snapshot!(part(&page, "<main>", "<section"));
}

#[test]
fn the_counterexample_is_told_before_the_charts() {
    let page = rendered(&specimen::invalid(), &operations());
    assert!(page.find("id=\"counterexample\"") < page.find("id=\"latency\""));
    insta::assert_snapshot!(part(&page, "id=\"counterexample\"", "<figure>"));
    assert!(!rendered(&specimen::valid(), &operations()).contains("id=\"counterexample\""));
}

#[test]
fn the_tables_are_whole() {
    let page = rendered(&specimen::valid(), &operations());
    insta::assert_snapshot!(part(&page, "<section id=\"nodes\"", "<script>"));
}

#[test]
fn the_bands_of_both_charts_are_those_of_the_fault_list() {
    let page = rendered(&specimen::valid(), &operations());
    for chart in ["<section id=\"latency\"", "<section id=\"throughput\""] {
        let chart = part(&page, chart, "</section>");
        let count = |class: &str| chart.matches(&format!("class=\"{class}\"")).count();
        assert_eq!((count("f-fault"), count("s-doubt")), (1, 3));
        // A sample of each kind in the legend stands beside the tags of the bands.
        assert_eq!((count("f-fault-tag"), count("s-doubt-tag")), (2, 4));
        let labels: Vec<_> = chart
            .split("class=\"f-fault-text\"")
            .skip(1)
            .filter_map(|text| text.split_once(">\n")?.1.split_once('\n'))
            .map(|(label, _)| label.to_owned())
            .collect();
        assert_eq!(labels, ["0 cut", "1 kill", "2 pause", "3 slow"]);
    }
}

#[test]
fn runs_of_every_kind_have_a_page() {
    let one = vec![operation(0, Outcome::Ok, 0, Some(0))];
    let open: Vec<_> = (0..50).map(|time| operation(time, Outcome::Info, time, None)).collect();
    let backwards: Vec<_> =
        (0..50).map(|time| operation(0, Outcome::Ok, 1000 - time, Some(time))).collect();
    let far = vec![operation(0, Outcome::Ok, 0, Some(u64::MAX))];
    for operations in [Vec::new(), one, open, backwards, far] {
        for faults in [Vec::new(), specimen::valid().faults] {
            let mut results = specimen::valid();
            results.metadata.interrupted = true;
            results.faults = faults;
            (results.total, results.nodes) =
                crate::measures(history().header.as_ref(), &operations);
            let page = rendered(&results, &operations);
            assert!(page.ends_with("</html>"));
            assert!(!page.contains("NaN") && !page.contains("inf\""), "{page}");
        }
    }
}

#[test]
fn every_verdict_has_a_word_and_a_colour() {
    for verdict in [
        Verdict::Valid,
        Verdict::Invalid,
        Verdict::Unknown,
        Verdict::Inconclusive,
        Verdict::Threshold,
    ] {
        let mut results = specimen::valid();
        results.verdict = verdict;
        let page = rendered(&results, &operations());
        assert!(page.contains(&format!("<header class=\"strip {verdict}\">")));
        assert!(page.contains(&format!("</span>{}</h1>", verdict.name().to_uppercase())));
    }
}

#[test]
fn nothing_is_fetched() {
    let page = rendered(&specimen::invalid(), &operations());
    for sign in ["http:", "https:", "src=", "href=", "@import", "<link"] {
        assert!(!page.contains(sign), "{sign}");
    }
}

#[test]
fn foreign_text_never_comes_through_unescaped() {
    // Every string of the results becomes hostile, whatever fields there will be one day.
    let mut value = serde_json::to_value(specimen::invalid()).unwrap();
    value["check"]["undecided"] = "".into();
    value["check"]["left_out"] = "".into();
    poison(&mut value);
    let mut results: Results = serde_json::from_value(value).unwrap();
    results.metadata.versions.insert(HOSTILE.into(), HOSTILE.into());
    let page = rendered(&results, &operations());
    assert!(page.matches("&lt;/script&gt;&lt;img src=x onerror=1&gt;&quot;&amp;").count() > 30);
    assert!(!page.contains("<img"));
    assert!(!page.contains("\"&'"));
    assert_eq!(page.matches("</script>").count(), 1);
}

/// Makes every string hostile but those that name a variant or a time.
fn poison(value: &mut serde_json::Value) {
    const FIXED: [&str; 5] = ["verdict", "proof", "f", "outcome", "ok_by_function"];
    match value {
        serde_json::Value::String(text) => HOSTILE.clone_into(text),
        serde_json::Value::Array(values) => values.iter_mut().for_each(poison),
        serde_json::Value::Object(fields) => {
            let fields = fields.iter_mut().filter(|(name, _)| !FIXED.contains(&name.as_str()));
            fields.for_each(|(_, value)| poison(value));
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

#[test]
fn a_report_replaces_the_one_before_and_leaves_nothing_beside() {
    let directory = tempfile::tempdir().unwrap();
    for results in [specimen::valid(), specimen::invalid()] {
        let path =
            write_report(directory.path(), &results, &history(), &operations(), None).unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), rendered(&results, &operations()));
    }
    let names: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["report.html"]);
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let error =
        write_report(Path::new("/nowhere/at/all"), &specimen::valid(), &history(), &[], None);
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/at/all/report.html: "), "{error}");
}
