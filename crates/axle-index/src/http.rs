//! Asking servers: certificates, credentials, patience, and answers that stay within bounds.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use data_encoding::BASE64;
use percent_encoding::percent_decode_str;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body};
use url::{Origin, Url};

use crate::resolver::RememberingResolver;
use crate::{IndexError, Settings};

/// How long to keep trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often a request is made before it has failed.
    pub tries: u32,
    /// How long to wait after the first failure; doubled after each further one.
    pub delay: Duration,
    /// How long a server may say nothing.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: 3, delay: Duration::from_millis(300), silence: Duration::from_mins(1) }
    }
}

/// Makes requests; cheap to clone, and shared by threads.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    credentials: Option<Credentials>,
    patience: Patience,
    traffic: Arc<Traffic>,
}

/// What was received until now. A client and all its clones count together.
#[derive(Debug, Default)]
pub struct Traffic {
    bytes: AtomicU64,
    requests: AtomicU64,
}

impl Traffic {
    /// Bytes of answers, without their headers.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Requests that were made.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// What to send to one server and to no other.
#[derive(Clone)]
struct Credentials {
    origin: Origin,
    authorization: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("origin", &self.origin.ascii_serialization())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client with the certificates of `settings`, which sends the credentials of the index URL
    /// to that server only.
    ///
    /// # Errors
    /// When the certificates can't be read.
    pub fn new(settings: &Settings, patience: Patience) -> Result<Self, IndexError> {
        let root_certs = match &settings.certificates {
            Some(path) => certificates(path)?,
            None => RootCerts::PlatformVerifier,
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .tls_config(TlsConfig::builder().root_certs(root_certs).build())
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_recv_response(Some(patience.silence))
            .timeout_per_read(Some(patience.silence))
            .max_idle_connections(64)
            .max_idle_connections_per_host(32)
            .user_agent(concat!("axle/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), RememberingResolver::default());
        let credentials = Url::parse(&settings.index_url).ok().as_ref().and_then(credentials);
        Ok(Self { agent, credentials, patience, traffic: Arc::default() })
    }

    /// What was received until now.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The answer to a GET of `url`, whatever its status says.
    ///
    /// A connection that fails, and a status that says "later", is tried again.
    pub(crate) fn get(&self, url: &Url, headers: &[(&str, &str)]) -> Result<Response<Body>, IndexError> {
        let mut failures = 0;
        loop {
            let answer = self.get_once(url, headers);
            failures += 1;
            let again = match &answer {
                Ok(response) => is_passing(response.status()),
                Err(error) => matches!(error, IndexError::Connection { .. }),
            };
            if !again || failures >= self.patience.tries {
                return answer;
            }
            self.wait(failures);
        }
    }

    fn get_once(&self, url: &Url, headers: &[(&str, &str)]) -> Result<Response<Body>, IndexError> {
        self.traffic.requests.fetch_add(1, Ordering::Relaxed);
        let mut request = self.agent.get(url.as_str());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(credentials) = self.credentials.as_ref().filter(|known| known.origin == url.origin()) {
            request = request.header(header::AUTHORIZATION, &credentials.authorization);
        }
        request.call().map_err(|error| IndexError::Connection {
            url: without_credentials(url.as_str()),
            message: error.to_string(),
        })
    }

    /// A whole answer, which must have been given with success.
    pub(crate) fn get_whole(
        &self,
        url: &Url,
        headers: &[(&str, &str)],
        limit: u64,
    ) -> Result<Answer, IndexError> {
        let mut failures = 0;
        loop {
            let response = self.get(url, headers)?;
            if !response.status().is_success() {
                return Err(refused(url, response.status()));
            }
            let content_type = header_text(&response, &header::CONTENT_TYPE).unwrap_or_default().to_owned();
            match response.into_body().with_config().limit(limit).read_to_vec() {
                Ok(body) => {
                    self.traffic.count(body.len());
                    return Ok(Answer { content_type, body });
                }
                Err(ureq::Error::BodyExceedsLimit(_)) => {
                    return Err(IndexError::TooLarge { url: without_credentials(url.as_str()), limit });
                }
                // The connection broke in the middle.
                Err(error) => {
                    failures += 1;
                    if failures >= self.patience.tries {
                        return Err(IndexError::Connection {
                            url: without_credentials(url.as_str()),
                            message: error.to_string(),
                        });
                    }
                    self.wait(failures);
                }
            }
        }
    }

    /// The bytes of `url` from `start` on, up to `end` where one is given, as a stream that goes
    /// on where it was when the connection breaks.
    pub(crate) fn stream(&self, url: &Url, start: u64, end: Option<u64>) -> Stream {
        Stream {
            client: self.clone(),
            url: url.clone(),
            position: start,
            end,
            body: None,
            failures: 0,
            total: None,
        }
    }

    fn wait(&self, failures: u32) {
        thread::sleep(self.patience.delay.saturating_mul(1 << failures.saturating_sub(1).min(6)));
    }
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

/// The bytes of a URL in order. An end of the connection before their end is made good by asking
/// for the rest.
pub(crate) struct Stream {
    client: Client,
    url: Url,
    position: u64,
    /// Where to stop; known after the first answer at the latest.
    end: Option<u64>,
    body: Option<Box<dyn Read + Send>>,
    failures: u32,
    total: Option<u64>,
}

/// How a server answers when it is asked for a part of a file.
pub(crate) enum Part {
    /// With that part.
    Given {
        /// The size of the whole file.
        total: u64,
    },
    /// With the whole file, since it knows no ranges.
    Whole,
}

impl Stream {
    /// Where the next byte is.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Where the last byte was asked for, plus one.
    pub(crate) fn end(&self) -> Option<u64> {
        self.end
    }

    /// The size of the whole file, once a server has told it.
    pub(crate) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Asks for the bytes, if that is not done yet.
    pub(crate) fn connect(&mut self) -> Result<Part, IndexError> {
        let whole = self.position == 0 && self.end.is_none();
        let mut headers = vec![("Accept-Encoding", "identity")];
        let range = match self.end {
            Some(end) => format!("bytes={}-{}", self.position, end.saturating_sub(1)),
            None => format!("bytes={}-", self.position),
        };
        if !whole {
            headers.push(("Range", &range));
        }
        let response = self.client.get(&self.url, &headers)?;
        let status = response.status();
        if status == StatusCode::OK {
            let total = header_text(&response, &header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
            if whole {
                (self.total, self.end) = (total, total);
                self.body = Some(unbounded(response));
            } else {
                self.total = total;
            }
            return Ok(Part::Whole);
        }
        if status != StatusCode::PARTIAL_CONTENT {
            return Err(refused(&self.url, status));
        }
        let told = header_text(&response, &header::CONTENT_RANGE).unwrap_or_default().to_owned();
        let total = match content_range(&told) {
            Some((start, total))
                if start == self.position && self.total.is_none_or(|known| known == total) =>
            {
                total
            }
            _ => {
                return Err(IndexError::Answer {
                    url: without_credentials(self.url.as_str()),
                    message: format!("asked for {range}, it gave `{told}`; fetch the file by other means"),
                });
            }
        };
        self.total = Some(total);
        self.end = Some(self.end.map_or(total, |end| end.min(total)));
        self.body = Some(unbounded(response));
        Ok(Part::Given { total })
    }

    /// What is missing after an end of the connection; an error when trying was in vain.
    fn broken(&mut self, message: &str) -> Result<(), IndexError> {
        self.body = None;
        self.failures += 1;
        if self.failures >= self.client.patience.tries {
            return Err(IndexError::Connection {
                url: without_credentials(self.url.as_str()),
                message: format!("the connection broke at byte {}: {message}", self.position),
            });
        }
        self.client.wait(self.failures);
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if buffer.is_empty() || self.end.is_some_and(|end| self.position >= end) {
                return Ok(0);
            }
            if self.body.is_none() {
                match self.connect().map_err(io::Error::other)? {
                    Part::Given { .. } => {}
                    Part::Whole if self.body.is_some() => {}
                    Part::Whole => {
                        let at = self.position;
                        let message =
                            format!("the connection broke at byte {at}, and it gives no rest of a file");
                        let url = without_credentials(self.url.as_str());
                        return Err(io::Error::other(IndexError::Connection { url, message }));
                    }
                }
            }
            let Some(body) = self.body.as_mut() else { continue };
            let left = self.end.map_or(u64::MAX, |end| end - self.position);
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let part = buffer.get_mut(..most).unwrap_or_default();
            match body.read(part) {
                Ok(0) if self.end.is_none() => return Ok(0),
                Ok(0) => self.broken("it ended early").map_err(io::Error::other)?,
                Ok(count) => {
                    self.client.traffic.count(count);
                    self.position += count as u64;
                    self.failures = 0;
                    if self.end == Some(self.position) {
                        // Only a body that was seen to end gives its connection back.
                        let _ = body.read(&mut [0]);
                        self.body = None;
                    }
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.broken(&error.to_string()).map_err(io::Error::other)?,
            }
        }
    }
}

/// The body without ureq's own limit; whoever reads it counts.
fn unbounded(response: Response<Body>) -> Box<dyn Read + Send> {
    Box::new(response.into_body().into_with_config().limit(u64::MAX).reader())
}

fn header_text<'a>(response: &'a Response<Body>, name: &header::HeaderName) -> Option<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// Start and total of `bytes 0-99/1234` (RFC 9110, 14.4).
fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()?))
}

/// Statuses that may pass by waiting.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 429)
}

pub(crate) fn refused(url: &Url, status: StatusCode) -> IndexError {
    IndexError::Status { url: without_credentials(url.as_str()), status: status.as_u16() }
}

/// The URL as it may be shown.
pub(crate) fn without_credentials(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) if parsed.username().is_empty() && parsed.password().is_none() => {
            parsed.set_fragment(None);
            parsed.to_string()
        }
        Ok(mut parsed) => {
            let _ = parsed.set_username("");
            let _ = parsed.set_password(None);
            parsed.set_fragment(None);
            parsed.to_string()
        }
        // Whatever stands before an `@` could be a password.
        Err(_) => url.rsplit('@').next().unwrap_or_default().to_owned(),
    }
}

fn credentials(url: &Url) -> Option<Credentials> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = decoded(url.username());
    let password = decoded(url.password().unwrap_or_default());
    Some(Credentials {
        origin: url.origin(),
        authorization: format!("Basic {}", BASE64.encode(format!("{user}:{password}").as_bytes())),
    })
}

fn certificates(path: &Path) -> Result<RootCerts, IndexError> {
    let unusable = |message: String| IndexError::Certificates { path: path.display().to_string(), message };
    let pem = fs_err::read(path).map_err(|error| unusable(error.to_string()))?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
            Ok(_) => None,
            Err(error) => Some(Err(unusable(error.to_string()))),
        })
        .collect::<Result<_, _>>()?;
    if certificates.is_empty() {
        return Err(unusable("it holds none".to_owned()));
    }
    Ok(RootCerts::from(certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_to_their_server_only() {
        let url = Url::parse("https://user:p%40ss@example.org/simple").unwrap();
        let known = credentials(&url).unwrap();
        assert_eq!(known.authorization, format!("Basic {}", BASE64.encode(b"user:p@ss")));
        assert_eq!(known.origin, Url::parse("https://example.org/other").unwrap().origin());
        assert_ne!(known.origin, Url::parse("https://files.example.org/").unwrap().origin());
        assert_ne!(known.origin, Url::parse("http://example.org/").unwrap().origin());
        assert!(!format!("{known:?}").contains("Basic"));
        assert!(credentials(&Url::parse("https://example.org/").unwrap()).is_none());
    }

    #[test]
    fn shown_urls_hold_no_credentials() {
        assert_eq!(without_credentials("https://user:secret@example.org/a#b"), "https://example.org/a");
        assert_eq!(without_credentials("//user:secret@example.org"), "example.org");
        assert_eq!(without_credentials("nonsense"), "nonsense");
    }

    #[test]
    fn content_ranges() {
        assert_eq!(content_range("bytes 5-9/1234"), Some((5, 1234)));
        for text in ["", "bytes", "bytes */1234", "bytes 5-9/*", "bytes -5/9", "items 5-9/10"] {
            assert_eq!(content_range(text), None, "{text}");
        }
    }
}
