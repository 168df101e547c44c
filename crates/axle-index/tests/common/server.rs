//! A server on loopback for tests, which answers as it is told to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// An answer.
#[derive(Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub content_type: String,
    pub body: Vec<u8>,
    /// `Content-Range`.
    pub range: Option<String>,
    /// Close the connection after so many bytes of the body.
    pub cut: Option<usize>,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// Send the body a byte at a time, with so long a pause after each.
    pub trickle: Option<Duration>,
}

impl Reply {
    pub fn ok(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, content_type: content_type.to_owned(), body: body.into(), ..Self::default() }
    }

    pub fn status(status: u16) -> Self {
        Self { status, body: b"sorry".to_vec(), ..Self::default() }
    }

    /// The same with a further header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn file(bytes: &[u8], request: &Request, ranges: bool) -> Self {
        let range = request.header("range").filter(|_| ranges).and_then(|range| {
            let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
            let end = end.parse().map_or(bytes.len(), |end: usize| end + 1).min(bytes.len());
            Some((start.parse::<usize>().ok()?, end))
        });
        match range {
            Some((start, end)) if start < end => Self {
                status: 206,
                body: bytes[start..end].to_vec(),
                range: Some(format!("bytes {start}-{}/{}", end - 1, bytes.len())),
                ..Self::default()
            },
            Some(_) => Self::status(416),
            None => Self::ok("application/zip", bytes),
        }
    }
}

/// A request, without its body.
pub struct Request {
    pub path: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// A server for one test; its threads end with the process.
pub struct Server {
    /// Where it serves a package index: `http://127.0.0.1:…/simple`.
    pub url: String,
    log: Arc<Mutex<Vec<String>>>,
    /// How many bytes each answer had.
    pub sent: Arc<Mutex<Vec<usize>>>,
}

impl Server {
    pub fn new(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            url: format!("http://{}/simple", listener.local_addr().unwrap()),
            log: Arc::default(),
            sent: Arc::default(),
        };
        let (answer, log, sent) = (Arc::new(answer), Arc::clone(&server.log), Arc::clone(&server.sent));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (answer, log, sent) = (Arc::clone(&answer), Arc::clone(&log), Arc::clone(&sent));
                thread::spawn(move || {
                    let _ = serve(&connection, |request| {
                        let range = request.header("range").map(|range| format!(" {range}"));
                        log.lock().unwrap().push(format!(
                            "GET {}{}",
                            request.path,
                            range.unwrap_or_default()
                        ));
                        let reply = answer(request);
                        sent.lock().unwrap().push(reply.body.len());
                        reply
                    });
                });
            }
        });
        server
    }

    /// Serves one file, whatever is asked for.
    pub fn with_file(bytes: Vec<u8>, ranges: bool) -> Self {
        Self::new(move |request| Reply::file(&bytes, request, ranges))
    }

    /// What was asked for until now.
    pub fn requests(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// The text without what changes from run to run: the port.
    pub fn hidden(&self, text: &str) -> String {
        text.replace(self.url.trim_end_matches("/simple"), "http://index.example")
    }
}

/// Answers the requests of one connection until it ends.
fn serve(connection: &TcpStream, answer: impl Fn(&Request) -> Reply) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection);
    loop {
        let mut first = String::new();
        if lines.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            lines.read_line(&mut line)?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
                None => break,
            };
        }
        let reply = answer(&Request { path, headers });
        let mut head =
            format!("HTTP/1.1 {} Status\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
        if !reply.content_type.is_empty() {
            write!(head, "Content-Type: {}\r\n", reply.content_type).unwrap();
        }
        if let Some(range) = &reply.range {
            write!(head, "Content-Range: {range}\r\n").unwrap();
        }
        for (name, value) in &reply.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        let mut writer = connection;
        writer.write_all(head.as_bytes())?;
        writer.write_all(b"\r\n")?;
        if let Some(pause) = reply.trickle {
            for byte in &reply.body {
                writer.write_all(&[*byte])?;
                thread::sleep(pause);
            }
            continue;
        }
        writer.write_all(&reply.body[..reply.cut.unwrap_or(reply.body.len())])?;
        if reply.cut.is_some() {
            return connection.shutdown(std::net::Shutdown::Both);
        }
    }
}
