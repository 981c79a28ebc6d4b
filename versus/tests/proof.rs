//! The proof against the binary: that it runs and that its counts add up. No test judges time.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test ends where it finds something wrong")]

use std::process::{Command, Output};

use serde_json::Value;

fn proof(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_versus"));
    command.args(["proof", "--times", "2", "--json"]).args(args).output().unwrap()
}

/// The proof of one kind, whose counts add up; nothing where the host lacks what it needs.
fn counted(kind: &str, args: &[&str]) -> Option<Value> {
    let output = proof(&[&["--kind", kind], args].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    for lacking in ["there is no cutwater", "on a tmpfs"] {
        if errors.contains(lacking) {
            cutwater_testing::skip!("{kind}: {errors}");
            return None;
        }
    }
    assert!(!output.stdout.is_empty(), "{errors}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let proof = report["proofs"][0].clone();
    let count = |name: &str| proof[name].as_u64().unwrap();
    assert_eq!((&proof["kind"], count("comparisons")), (&Value::from(kind), 2));
    let words = ["faster", "level", "slower", "undecided"].map(count);
    assert_eq!(words.iter().sum::<u64>(), 2, "{proof}");
    assert!(count("hold_one") <= 2);
    let results = proof["results"].as_array().unwrap();
    for result in results {
        let rounds = result["interval"]["rounds"].as_u64().unwrap();
        assert!(rounds >= 6, "{result}");
        for side in result["samples"].as_array().unwrap() {
            assert_eq!(side.as_array().unwrap().len() as u64, 2 * rounds);
        }
    }
    assert_eq!(output.status.success(), proof["promise_holds"] == true, "{errors}");
    Some(proof)
}

#[test]
fn reads_warm_and_cold_are_compared_with_themselves() {
    let here = env!("CARGO_MANIFEST_DIR");
    let cells = "warm 4k rand x64 t1,cold 4k rand x64 t1";
    let args = ["--size", "64", "--dir", here, "--cells", cells];
    let Some(proof) = counted("read", &args) else { return };
    let cells = [0, 1].map(|i| proof["results"][i]["cell"].as_str().unwrap().to_owned());
    assert_eq!(cells, ["warm 4k rand x64 t1", "cold 4k rand x64 t1"]);
}

#[test]
fn servers_are_compared_with_themselves_beside_busy_loops() {
    let Some(proof) = counted("server", &["--busy", "--slow", "5", "--time", "0.05"]) else {
        return;
    };
    assert_eq!((&proof["busy"], &proof["slow"]), (&Value::from(true), &Value::from(5.0)));
}

#[test]
fn processes_are_compared_with_themselves_and_the_run_is_recorded() {
    let parent = tempfile::tempdir().unwrap();
    let place = parent.path().to_str().unwrap();
    if counted("process", &["--size", "16", "--record", place]).is_none() {
        return;
    }
    let dir = std::fs::read_dir(parent.path()).unwrap().next().unwrap().unwrap().path();
    let text = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    let command = text("command.txt");
    assert!(command.contains("proof --kind process --times 2 --size 16"), "{command}");
    assert!(!command.contains(place), "{command}");
    let raw: Value = serde_json::from_str(&text("raw.json")).unwrap();
    assert!(raw["proofs"][0]["results"][0]["samples"][0][0].as_f64().unwrap() > 0.0);
}
