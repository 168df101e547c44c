//! HTTP client: TLS roots, credentials, retries, conditional requests, resumable downloads, and limits on responses.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use axle_wheel::read_file;
use data_encoding::BASE64;
use percent_encoding::percent_decode_str;
use ureq::http::{HeaderMap, Response, StatusCode, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, ResponseExt as _};
use url::{Origin, Url};

use crate::cache::{Cache, Head};
use crate::resolver::RememberingResolver;
use crate::{IndexError, Settings};

/// How long to keep trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a request is made before it has failed.
    pub tries: u32,
    /// How long to wait after the first failure; doubled after each further one.
    pub delay: Duration,
    /// How long a server may say nothing. A page must be there within ten times that, and of a file so long as this
    /// [`RATE`] bytes a second must come.
    pub silence: Duration,
    /// Maximum total time to wait for `Retry-After` and rate limits; at most a minute if no listener reports the wait.
    /// GitHub's limits are per hour.
    pub rate_limit: Duration,
}

/// The bytes a second below which a server is given up, on the average of a minute: the slowest modem was faster.
const RATE: u64 = 1000;

/// What resets the count of failures: a server that breaks off after each byte is given up as well.
const PROGRESS: u64 = 64 << 10;

/// Maximum time to wait for a rate limit if no listener reports the wait.
const UNHEARD: Duration = Duration::from_mins(1);

impl RetryPolicy {
    /// For maintainers of a catalogue, who can wait an hour for GitHub.
    pub fn of_maintainer() -> Self {
        Self { rate_limit: Duration::from_mins(65), ..Self::default() }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries: 3,
            delay: Duration::from_millis(300),
            silence: Duration::from_mins(1),
            rate_limit: Duration::from_mins(5),
        }
    }
}

/// Makes requests; cheap to clone, and shared by threads.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    credentials: Vec<Credentials>,
    patience: RetryPolicy,
    traffic: Arc<Traffic>,
    cache: Option<Cache>,
    listener: Listener,
}

/// An event to report to a waiting user: a long wait, or a harmless failure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A server's rate limit is reached, so the request waits.
    RateLimit {
        /// The server.
        server: String,
        /// For how long.
        wait: Duration,
    },
    /// An answer can't be kept for the next time.
    Cache {
        /// What happened, with the path.
        message: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RateLimit { server, wait } => {
                write!(f, "{server} accepts no more requests for {wait:?}; waiting")
            }
            Self::Cache { message } => write!(f, "failed to cache a response: {message}"),
        }
    }
}

#[derive(Clone, Default)]
struct Listener(Option<Arc<Tell>>);

type Tell = dyn Fn(&Event) + Send + Sync;

impl Listener {
    fn tell(&self, notice: &Event) {
        if let Some(listener) = &self.0 {
            listener(notice);
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Listener" } else { "None" })
    }
}

/// What was received until now. A client and all its clones count together.
#[derive(Debug, Default)]
pub struct Traffic {
    bytes: AtomicU64,
    requests: AtomicU64,
    unchanged: AtomicU64,
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

    /// Requests that were answered with "as you know it" (status 304), out of the cache.
    pub fn unchanged(&self) -> u64 {
        self.unchanged.load(Ordering::Relaxed)
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

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    pub fn new(settings: &Settings, patience: RetryPolicy) -> Result<Self, IndexError> {
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
        Ok(Self {
            agent,
            credentials: credentials.into_iter().collect(),
            patience,
            traffic: Arc::default(),
            cache: None,
            listener: Listener::default(),
        })
    }

    /// The same, keeping pages in `folder`: they are asked for again each time, but sent again only
    /// when they changed. Several processes may share the folder; deleting it does no harm.
    #[must_use]
    pub fn with_cache(self, folder: impl Into<PathBuf>) -> Self {
        Self { cache: Some(Cache::new(folder.into())), ..self }
    }

    /// The same, telling `listener` what a waiting person should know. It is called by the thread
    /// that waits.
    #[must_use]
    pub fn with_listener(self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self { listener: Listener(Some(Arc::new(listener))), ..self }
    }

    /// The same, sending `token` to the server of `url` and to no other.
    pub(crate) fn with_token(mut self, url: &Url, token: &str) -> Self {
        self.credentials.push(Credentials { origin: url.origin(), authorization: format!("Bearer {token}") });
        self
    }

    /// What was received until now.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The answer to a GET of `url`: one with success, or "as you know it".
    ///
    /// A connection that fails, and a status that says "later", is tried again.
    fn get(&self, url: &Url, headers: &[(&str, &str)]) -> Result<Response<Body>, IndexError> {
        let mut failures = 0;
        let mut waits = 0;
        let mut waited = Duration::ZERO;
        loop {
            let error = match self.get_once(url, headers) {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) if response.status() == StatusCode::NOT_MODIFIED => return Ok(response),
                Ok(response) => {
                    let status = response.status();
                    if let Some(wait) = wanted_wait(response) {
                        let wait = wait.max(self.patience.delay);
                        waits += 1;
                        let heard = self.listener.0.is_some();
                        let limit = self.patience.rate_limit.min(if heard { Duration::MAX } else { UNHEARD });
                        if waited.saturating_add(wait) > limit || waits > self.patience.tries {
                            return Err(IndexError::RateLimited { url: shown(url), wait });
                        }
                        let server = url.host_str().unwrap_or_default().to_owned();
                        self.listener.tell(&Event::RateLimit { server, wait });
                        thread::sleep(wait);
                        waited = waited.saturating_add(wait);
                        continue;
                    }
                    let refused = IndexError::Status { url: shown(url), status: status.as_u16() };
                    if !is_passing(status) {
                        return Err(refused);
                    }
                    refused
                }
                Err(error) => error,
            };
            failures += 1;
            if failures >= self.patience.tries {
                return Err(error);
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
        let origin = url.origin();
        if let Some(credentials) = self.credentials.iter().rfind(|known| known.origin == origin) {
            request = request.header(header::AUTHORIZATION, &credentials.authorization);
        }
        request.call().map_err(|error| IndexError::Connection { url: shown(url), message: error.to_string() })
    }

    /// A whole answer, which must have been given with success. The cache is asked first which
    /// answer is known.
    pub(crate) fn get_whole(&self, url: &Url, accept: &str, limit: u64) -> Result<Answer, IndexError> {
        let request = format!("{accept} {}", shown(url));
        let known = self.cache.as_ref().and_then(|cache| cache.load(&request, limit));
        let mut headers = vec![("Accept", accept)];
        if let Some(known) = &known {
            headers.extend(known.head.etag.as_deref().map(|etag| ("If-None-Match", etag)));
            headers.extend(known.head.last_modified.as_deref().map(|date| ("If-Modified-Since", date)));
        }
        let mut failures = 0;
        loop {
            let response = self.get(url, &headers)?;
            if response.status() == StatusCode::NOT_MODIFIED {
                self.traffic.unchanged.fetch_add(1, Ordering::Relaxed);
                return known.ok_or_else(|| IndexError::Answer {
                    url: shown(url),
                    message: "it reports that nothing has changed (304), though that was not asked"
                        .to_owned(),
                });
            }
            let text = |name| header_text(&response, &name).map(str::to_owned);
            let head = Head {
                url: without_credentials(&response.get_uri().to_string()),
                content_type: text(header::CONTENT_TYPE).unwrap_or_default(),
                link: text(header::LINK),
                etag: text(header::ETAG),
                last_modified: text(header::LAST_MODIFIED),
            };
            let is_whole = response.status() == StatusCode::OK;
            match self.body(url, response, limit) {
                Ok(body) => {
                    let answer = Answer { head, body };
                    if let Some(cache) = self.cache.as_ref().filter(|_| is_whole)
                        && let Err(error) = cache.store(&request, &answer)
                    {
                        self.listener.tell(&Event::Cache { message: error.to_string() });
                    }
                    return Ok(answer);
                }
                // The connection broke in the middle.
                Err(error @ IndexError::Connection { .. }) => {
                    failures += 1;
                    if failures >= self.patience.tries {
                        return Err(error);
                    }
                    self.wait(failures);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// All of a body that must end within a limit, and within some time: a server that sends a byte
    /// now and then would hold us for ever.
    fn body(&self, url: &Url, response: Response<Body>, limit: u64) -> Result<Vec<u8>, IndexError> {
        let broken = |message: String| IndexError::Connection { url: shown(url), message };
        let deadline = self.patience.silence.saturating_mul(10);
        let start = Instant::now();
        let mut reader = unbounded(response);
        let mut body = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => return Ok(body),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(broken(error.to_string())),
            };
            self.traffic.count(count);
            body.extend_from_slice(buffer.get(..count).unwrap_or_default());
            if body.len() as u64 > limit {
                return Err(IndexError::TooLarge { url: shown(url), limit });
            }
            if start.elapsed() > deadline {
                let seconds = deadline.as_secs_f32();
                return Err(IndexError::TooSlow { url: shown(url), bytes: body.len() as u64, seconds });
            }
        }
    }

    /// The bytes of `url` from `start` on, up to `end` where one is given, as a stream that goes
    /// on where it was when the connection breaks.
    ///
    /// With a `version`, only bytes of that version of the file are given.
    pub(crate) fn stream(
        &self,
        url: &Url,
        start: u64,
        end: Option<u64>,
        version: Option<&FileVersion>,
    ) -> Stream {
        Stream {
            client: self.clone(),
            url: url.clone(),
            position: start,
            end,
            body: None,
            failures: 0,
            since_failure: 0,
            waited: Duration::ZERO,
            since_wait: 0,
            total: None,
            version: version.cloned(),
        }
    }

    fn wait(&self, failures: u32) {
        thread::sleep(self.patience.delay.saturating_mul(1 << failures.saturating_sub(1).min(6)));
    }
}

/// A whole answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

/// The validator of a version of a file (RFC 9110, 8.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileVersion {
    etag: Option<String>,
    last_modified: Option<String>,
}

impl FileVersion {
    fn of(response: &Response<Body>) -> Self {
        let text = |name| header_text(response, &name).map(str::to_owned);
        Self { etag: text(header::ETAG), last_modified: text(header::LAST_MODIFIED) }
    }

    /// The value of `If-Range`, which takes no weak tags.
    fn condition(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }

    /// Whether an answer is certainly of another version.
    fn is_other(&self, answer: &Self) -> bool {
        match (&self.etag, &answer.etag) {
            (Some(one), Some(other)) => one.trim_start_matches("W/") != other.trim_start_matches("W/"),
            _ => {
                matches!((&self.last_modified, &answer.last_modified), (Some(one), Some(other)) if one != other)
            }
        }
    }
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
    /// Bytes that came since the connection broke.
    since_failure: u64,
    /// How long the server was waited for since its rate was looked at, and the bytes that came.
    waited: Duration,
    since_wait: u64,
    total: Option<u64>,
    /// Which version of the file the bytes are of, once that is known.
    version: Option<FileVersion>,
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

    /// Which version of the file a server gives, once it has told it.
    pub(crate) fn version(&self) -> Option<&FileVersion> {
        self.version.as_ref()
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
            headers.extend(
                self.version.as_ref().and_then(|version| version.condition()).map(|c| ("If-Range", c)),
            );
        }
        let changed = || IndexError::Changed { url: shown(&self.url), position: self.position };
        let response = match self.client.get(&self.url, &headers) {
            // The place is past the end of what it has now.
            Err(IndexError::Status { status: 416, .. }) if self.total.is_some() => return Err(changed()),
            answer => answer?,
        };
        let status = response.status();
        let found = FileVersion::of(&response);
        if self.version.as_ref().is_some_and(|known| known.is_other(&found)) {
            return Err(changed());
        }
        if status == StatusCode::OK {
            let total = header_text(&response, &header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
            if whole {
                (self.total, self.end) = (total, total);
                self.version = Some(found);
                self.body = Some(unbounded(response));
            } else {
                self.total = total;
            }
            return Ok(Part::Whole);
        }
        if status != StatusCode::PARTIAL_CONTENT {
            return Err(IndexError::Status { url: shown(&self.url), status: status.as_u16() });
        }
        let told = header_text(&response, &header::CONTENT_RANGE).unwrap_or_default().to_owned();
        let total = match content_range(&told) {
            Some((start, total)) if start == self.position => total,
            _ => {
                return Err(IndexError::Answer {
                    url: shown(&self.url),
                    message: format!(
                        "asked for {range}, it returned `{told}`; download the file by other means"
                    ),
                });
            }
        };
        if self.total.is_some_and(|known| known != total) {
            return Err(changed());
        }
        self.version = Some(found);
        self.total = Some(total);
        self.end = Some(self.end.map_or(total, |end| end.min(total)));
        self.body = Some(unbounded(response));
        Ok(Part::Given { total })
    }

    /// Counts how long the server let us wait for some bytes; an error where it is too slow for anybody.
    fn count_wait(&mut self, wait: Duration, bytes: usize) -> Result<(), IndexError> {
        self.waited = self.waited.saturating_add(wait);
        self.since_wait += bytes as u64;
        if self.waited < self.client.patience.silence {
            return Ok(());
        }
        let expected = RATE.saturating_mul(self.waited.as_secs().max(1));
        if self.since_wait < expected {
            let (bytes, seconds) = (self.since_wait, self.waited.as_secs_f32());
            return Err(IndexError::TooSlow { url: shown(&self.url), bytes, seconds });
        }
        (self.waited, self.since_wait) = (Duration::ZERO, 0);
        Ok(())
    }

    /// What is missing after an end of the connection; an error when trying was in vain.
    fn broken(&mut self, message: &str) -> Result<(), IndexError> {
        self.body = None;
        if self.since_failure >= PROGRESS {
            self.failures = 0;
        }
        self.since_failure = 0;
        self.failures += 1;
        if self.failures >= self.client.patience.tries {
            return Err(IndexError::Connection {
                url: shown(&self.url),
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
                            format!("the connection broke at byte {at}, and it cannot resume a file");
                        let url = shown(&self.url);
                        return Err(io::Error::other(IndexError::Connection { url, message }));
                    }
                }
            }
            let Some(body) = self.body.as_mut() else { continue };
            let left = self.end.map_or(u64::MAX, |end| end - self.position);
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let part = buffer.get_mut(..most).unwrap_or_default();
            let start = Instant::now();
            let read = body.read(part);
            self.count_wait(start.elapsed(), *read.as_ref().unwrap_or(&0)).map_err(io::Error::other)?;
            match read {
                Ok(0) if self.end.is_none() => return Ok(0),
                Ok(0) => self.broken("it ended early").map_err(io::Error::other)?,
                Ok(count) => {
                    self.client.traffic.count(count);
                    self.position += count as u64;
                    self.since_failure += count as u64;
                    if self.end == Some(self.position) {
                        // Only a body that was seen to end gives its connection back.
                        if let Some(mut body) = self.body.take() {
                            let _ = body.read(&mut [0]);
                        }
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

/// How long to wait before the next request: by `Retry-After` (RFC 9110, 10.2.3), or by GitHub's headers
/// (<https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>).
fn wanted_wait(response: Response<Body>) -> Option<Duration> {
    const SECONDARY: Duration = Duration::from_mins(1);
    let status = response.status().as_u16();
    if !matches!(status, 403 | 429 | 503) {
        return None;
    }
    if let Some(wait) = told_wait(response.headers(), SystemTime::now()) {
        return Some(wait);
    }
    // A secondary limit may be told in words alone; then a minute is the least.
    let mut words = Vec::new();
    let _ = unbounded(response).take(16 << 10).read_to_end(&mut words);
    let words = String::from_utf8_lossy(&words).to_ascii_lowercase();
    (status != 503 && words.contains("rate limit")).then_some(SECONDARY)
}

fn told_wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    // Differences by the server's own clock, where it shows it: ours may be wrong.
    let now = text("date").and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or(now);
    let until = |moment: SystemTime| moment.duration_since(now).unwrap_or_default();
    if let Some(after) = text("retry-after") {
        let seconds = after.parse().ok().map(Duration::from_secs);
        return seconds.or_else(|| httpdate::parse_http_date(after).ok().map(until));
    }
    if text("x-ratelimit-remaining") != Some("0") {
        return None;
    }
    let reset = Duration::from_secs(text("x-ratelimit-reset")?.parse().ok()?);
    // A second more: both clocks are cut to whole seconds.
    SystemTime::UNIX_EPOCH.checked_add(reset).map(|moment| until(moment) + Duration::from_secs(1))
}

/// The URL as it may be shown.
pub(crate) fn shown(url: &Url) -> String {
    without_credentials(url.as_str())
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

/// The most bytes of a file of certificates: those of all that browsers trust have 300 kB.
const LARGEST_CERTIFICATES: u64 = 16 << 20;

fn certificates(path: &Path) -> Result<RootCerts, IndexError> {
    let unusable = |message: String| IndexError::Certificates { path: path.display().to_string(), message };
    let pem = read_file(path, LARGEST_CERTIFICATES).map_err(|error| unusable(error.to_string()))?;
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

    #[test]
    fn waits_that_servers_tell() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let wait = |headers: &[(&'static str, &'static str)]| {
            let headers = headers
                .iter()
                .map(|(name, value)| (header::HeaderName::from_static(name), value.parse().unwrap()));
            told_wait(&headers.collect(), now).map(|wait| wait.as_secs())
        };
        assert_eq!(wait(&[("retry-after", "120")]), Some(120));
        assert_eq!(wait(&[("retry-after", "Mon, 12 Jan 1970 13:47:00 GMT")]), Some(20));
        assert_eq!(wait(&[("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")]), Some(0));
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        let limit = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1000060")];
        assert_eq!(wait(&limit), Some(61));
        // The server's clock goes 40 seconds before ours.
        assert_eq!(wait(&[limit[0], limit[1], ("date", "Mon, 12 Jan 1970 13:47:20 GMT")]), Some(21));
        assert_eq!(wait(&[limit[0], ("x-ratelimit-reset", "18446744073709551615")]), None);
        assert_eq!(wait(&[("x-ratelimit-remaining", "7"), limit[1]]), None);
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn versions_of_files() {
        let version = |etag: Option<&str>, date: Option<&str>| FileVersion {
            etag: etag.map(str::to_owned),
            last_modified: date.map(str::to_owned),
        };
        let (one, weak) = (version(Some("\"1\""), None), version(Some("W/\"1\""), Some("today")));
        assert_eq!((one.condition(), weak.condition()), (Some("\"1\""), Some("today")));
        assert!(!one.is_other(&weak));
        assert!(one.is_other(&version(Some("\"2\""), None)));
        assert!(version(None, Some("today")).is_other(&version(None, Some("yesterday"))));
        assert!(!one.is_other(&version(None, Some("today"))));
        assert!(!version(None, None).is_other(&one));
    }
}
