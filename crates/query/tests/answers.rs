//! Questions in `sql/`, each with the answer that was checked once by eye and by another program.

mod support;

use support::{answer, data};

/// Every statement of a file with its answer, as text to compare.
fn answers(name: &str, tables: &[(&str, &[&str])]) -> String {
    let path = data("../sql").join(format!("{name}.sql"));
    let questions = std::fs::read_to_string(path).expect("the questions are there");
    let questions = questions.split(";\n").map(str::trim).filter(|q| !q.is_empty());
    let told = |question| format!("{question}\n----\n{}\n", answer(question, tables));
    questions.map(told).collect()
}

#[test]
fn json_is_filtered_grouped_and_sorted() {
    insta::assert_snapshot!(answers("json", &[("log", &["app.json"])]));
}

#[test]
fn columns_on_demand_tell_where_a_row_is_from_and_what_is_wrong() {
    insta::assert_snapshot!(answers("on_demand", &[("log", &["app.json"])]));
}

#[test]
fn several_logs_of_several_formats_are_tables() {
    let tables: [(&str, &[&str]); 3] =
        [("log", &["app.json"]), ("web", &["access.log"]), ("jobs", &["jobs.log"])];
    insta::assert_snapshot!(answers("tables", &tables));
}

#[test]
fn what_is_wrong_with_a_query_is_said() {
    insta::assert_snapshot!(answers("wrong", &[("log", &["app.json"])]));
}
