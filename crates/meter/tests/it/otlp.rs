//! Pushes to a collector: a socket of the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use cutwater_meter::expose::{Page, Registry, Source};
use cutwater_meter::otlp::{Push, PushOptions, Target};
use serde_json::Value;

struct One;

impl Source for One {
    fn collect(&self, page: &mut Page) {
        page.counter("reads_total", "Reads.").sample(&[("path", "mmap")], 7);
    }
}

/// A request that a collector received: head and body.
type Request = (String, Value);

/// A collector that answers each request with the next of `answers`, and all further ones with the last.
fn collector(answers: &'static [&'static str]) -> (Target, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (sender, requests) = mpsc::channel();
    thread::spawn(move || {
        for (answered, stream) in listener.incoming().enumerate() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut head, mut line) = (String::new(), String::new());
            while stream.read_line(&mut line).unwrap() > 2 {
                head.push_str(&line.to_ascii_lowercase());
                line.clear();
            }
            let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            let answer = answers[answered.min(answers.len() - 1)];
            let head_of_answer = "Content-Type: application/json\r\nConnection: close\r\n";
            let (status, body_of_answer) = answer.split_once('|').unwrap();
            write!(
                stream.get_mut(),
                "HTTP/1.1 {status}\r\n{head_of_answer}Content-Length: {}\r\n\r\n{body_of_answer}",
                body_of_answer.len()
            )
            .unwrap();
            if sender.send((head, serde_json::from_slice(&body).unwrap())).is_err() {
                return;
            }
        }
    });
    (target, requests)
}

fn push(target: Target, every: Duration) -> (Push, Arc<Registry>, Arc<Mutex<Vec<String>>>) {
    let registry = Arc::new(Registry::new());
    registry.add(One);
    let failures = Arc::new(Mutex::new(Vec::new()));
    let options = PushOptions::default().every(every).attribute("service.name", "test");
    let push = options.start(target, Arc::clone(&registry), {
        let failures = Arc::clone(&failures);
        move |failure| failures.lock().unwrap().push(failure.to_owned())
    });
    (push.unwrap(), registry, failures)
}

const OFTEN: Duration = Duration::from_millis(100);
const RARELY: Duration = Duration::from_secs(3600);

#[test]
fn metrics_are_posted_as_json_again_and_again() {
    let (target, requests) = collector(&["200 OK|{}"]);
    let (push, registry, failures) = push(target, OFTEN);
    let (first, second) = (requests.recv().unwrap(), requests.recv().unwrap());
    assert!(first.0.starts_with("post /v1/metrics http/1.1\r\n"), "{}", first.0);
    assert!(first.0.contains("\ncontent-type: application/json\r\n"), "{}", first.0);
    let scope = |request: &Request| request.1["resourceMetrics"][0]["scopeMetrics"][0].clone();
    let point = |request: &Request| scope(request)["metrics"][0]["sum"]["dataPoints"][0].clone();
    let (a, b) = (point(&first), point(&second));
    assert_eq!((&a["asInt"], &a["startTimeUnixNano"]), (&b["asInt"], &b["startTimeUnixNano"]));
    let time = |point: &Value| point["timeUnixNano"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(time(&a) < time(&b), "{a} {b}");
    // The second request counts the first one as delivered.
    let names = scope(&second)["metrics"].to_string();
    assert!(names.contains("cutwater_otlp_pushes_total"), "{names}");
    drop(push);
    assert!(failures.lock().unwrap().is_empty());
    let text = registry.render(cutwater_meter::expose::Format::Prometheus);
    assert!(text.contains("cutwater_otlp_pushes_total{outcome=\"failed\"} 0\n"), "{text}");
}

#[test]
fn the_last_values_are_pushed_at_the_end() {
    let (target, requests) = collector(&["200 OK|{}"]);
    let (push, ..) = push(target, RARELY);
    drop(push);
    let request = requests.recv().unwrap();
    assert_eq!(
        request.1["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["name"],
        "reads_total"
    );
    assert!(requests.try_recv().is_err());
}

#[test]
fn failures_are_reported_once_and_counted() {
    let refused =
        r#"200 OK|{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"too old"}}"#;
    for (answers, word) in [
        (&["503 Service Unavailable|later"][..], "the answer is 503: later"),
        (&[refused][..], "3 points were refused: too old"),
        (&["302 Found|elsewhere"][..], "the answer is 302"),
    ] {
        let answers: &'static [&'static str] = answers.to_vec().leak();
        let (target, requests) = collector(answers);
        let (push, _, failures) = push(target, OFTEN);
        (0..3).for_each(|_| drop(requests.recv().unwrap()));
        assert!(push.counts().1 >= 2 && push.counts().0 == 0, "{:?}", push.counts());
        drop(push);
        let failures = failures.lock().unwrap();
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert!(failures[0].contains(word), "{failures:?}");
    }
}

#[test]
fn where_nobody_listens_it_says_so() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::new(&format!("http://{}", free.local_addr().unwrap())).unwrap();
    drop(free);
    let (push, _, failures) = push(target, RARELY);
    drop(push);
    let failures = failures.lock().unwrap();
    assert!(
        failures.len() == 1 && failures[0].contains("no collector listens there"),
        "{failures:?}"
    );
}
