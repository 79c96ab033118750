//! What tasks fetch, as their authors meet it: files, one download for many, and words.

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::{Output, Stdio},
    sync::{Arc, Mutex},
};

use e2e_tests::{Daemons, get_json};

/// A web server that gives `hello` as any file but `missing`, and writes down what it is asked.
struct Files {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Files {
    fn start() -> Files {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                let line =
                    String::from_utf8_lossy(&head).split(" HTTP").next().unwrap_or_default().to_owned();
                let answer = match line.split_once(' ') {
                    Some((_, "/missing")) => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                    Some(("HEAD", _)) => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
                    _ => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                };
                heard.lock().unwrap().push(line);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Files { port, asked }
    }

    fn uri(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn metric(daemons: &Daemons, name: &str) -> f64 {
    let metrics = get_json(daemons.agent_ports[0], "/metrics/snapshot").unwrap();
    metrics[&format!("containerizer/fetcher/{name}")].as_f64().unwrap()
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn twenty_tasks_make_one_download_that_outlives_the_agent() {
    let mut daemons = Daemons::start(1).unwrap();
    let files = Files::start();
    let uri = files.uri("data.txt");
    let run = |name: String| {
        let words = ["run", "--name", &name, "--cached-uri", &uri, "--command=cat data.txt"];
        let mut command = daemons.mezzo(&words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = (0..20).map(|n| run(format!("task-{n}"))).collect();
    for task in running {
        let output = task.wait_with_output().unwrap();
        assert!(output.status.success() && words(&output).contains("hello"), "{}", words(&output));
    }
    assert_eq!(files.asked(), ["HEAD /data.txt", "GET /data.txt"]);
    assert_eq!(metric(&daemons, "task_fetches_succeeded"), 20.0);
    assert_eq!(metric(&daemons, "task_fetches_failed"), 0.0);
    assert_eq!(metric(&daemons, "cache_size_used_bytes"), 5.0);
    assert_eq!(metric(&daemons, "cache_size_total_bytes"), (2u64 << 30) as f64);

    daemons.kill_agent(0);
    daemons.start_agent(0).unwrap();
    let again = ["run", "--name=again", "--cached-uri", &uri, "--command=cat data.txt"];
    let output = daemons.mezzo(&again).output().unwrap();
    assert!(output.status.success() && words(&output).contains("hello"), "{}", words(&output));
    assert_eq!(files.asked().len(), 2, "it was still there");
}

/// The URI, what is wrong and what would be right reach the task's author.
#[test]
fn what_cannot_be_fetched_fails_the_task_in_words() {
    let daemons = Daemons::start(1).unwrap();
    let files = Files::start();
    let missing = files.uri("missing");
    for (uri, says) in [
        (missing.as_str(), "the server answered 404 Not Found, and only 200 OK brings a file"),
        ("file://relative", "File URI only supports absolute paths: write it as `file:///PATH`"),
        ("/not/there", "could not read `/not/there` on the agent"),
        ("gopher://h/x", "fetched by the client of Hadoop, which"),
    ] {
        let output = daemons.mezzo(&["run", "--name=t", "--uri", uri, "--command=true"]).output().unwrap();
        let said = words(&output);
        assert!(!output.status.success() && said.contains(uri) && said.contains(says), "{uri}: {said}");
    }
    assert_eq!(metric(&daemons, "task_fetches_failed"), 4.0);
    assert_eq!(metric(&daemons, "task_fetches_succeeded"), 0.0);
}
