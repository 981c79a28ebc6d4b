//! Questions in `sql/`, each with the answer that was checked once by eye and by another program.

use crate::support::{answer, data};

/// Every statement of a file with its answer, as text to compare.
fn answers(name: &str, tables: &[(&str, &[&str])]) -> String {
    let path = data("../sql").join(format!("{name}.sql"));
    let questions = std::fs::read_to_string(path).expect("the questions are there");
    let questions = questions.split(";\n").map(str::trim).filter(|q| !q.is_empty());
    let answered = |question| format!("{question}\n----\n{}\n", answer(question, tables));
    questions.map(answered).collect()
}

#[test]
fn what_is_wrong_with_a_query_is_said() {
    insta::assert_snapshot!(answers("wrong", &[("log", &["app.json"])]));
}
