//! What the hub tells about itself: log lines and measurements.
//!
//! Never here: a secret or a person's words.

use std::time::Duration;

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::Hub;
use crate::config::{Log, LogFormat};

/// Log lines that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is none.
    #[error("the setting `log.filter` is wrong: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else writes them already.
    #[error("log lines are written already: {0}")]
    Twice(Box<dyn std::error::Error + Send + Sync>),
}

/// Begins to write log lines to standard error.
pub fn start(log: &Log) -> Result<(), TelemetryError> {
    // This library's lines repeat what clients say, which is theirs alone.
    let filter = EnvFilter::try_new(&log.filter)?.add_directive("rmcp=off".parse()?);
    let lines = fmt().with_env_filter(filter);
    let lines = lines.with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    }
    .map_err(TelemetryError::Twice)
}

/// Measurements, in the form of Prometheus.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    quota_refusals: IntCounter,
    log_head: IntGauge,
    log_refusing: IntGauge,
    views_applied: IntGauge,
    views_lag: IntGauge,
    live_actors: IntGauge,
}

/// Upper bounds of the duration's buckets, in seconds.
const BUCKETS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

impl Metrics {
    /// Nothing is measured yet.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let requests = Opts::new("hub_http_requests_total", "Requests answered.");
        let seconds = HistogramOpts::new("hub_http_request_seconds", "Time to the answer's head.");
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let metrics = Self {
            requests: IntCounterVec::new(requests, &["method", "route", "status"])?,
            seconds: HistogramVec::new(seconds.buckets(BUCKETS.into()), &["method", "route"])?,
            quota_refusals: IntCounter::new(
                "hub_quota_refusals_total",
                "Requests refused because the day's quota was spent.",
            )?,
            log_head: gauge("hub_log_head", "Position of the newest event on record.")?,
            log_refusing: gauge("hub_log_refusing", "1 while the log takes no new events.")?,
            views_applied: gauge("hub_views_applied", "Position up to which views are applied.")?,
            views_lag: gauge("hub_views_lag", "Positions by which the views are behind.")?,
            live_actors: gauge("hub_live_actors", "Actors that live now.")?,
            registry: registry.clone(),
        };
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        registry.register(Box::new(metrics.quota_refusals.clone()))?;
        Ok(metrics)
    }

    /// A request was answered. `route` is the pattern, so that there are few of them.
    pub fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.seconds.with_label_values(&[method, route]).observe(took.as_secs_f64());
    }

    /// A request was refused because the day's quota was spent.
    pub fn quota_refused(&self) {
        self.quota_refusals.inc();
    }

    /// All measurements as text, those of the log and the views as they are now.
    pub fn text(&self, hub: &Hub) -> Result<String, prometheus::Error> {
        let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (head, applied) = (hub.log.head().0, hub.views.applied().0);
        self.live_actors.set(gauge(hub.actors.live() as u64));
        self.log_head.set(gauge(head));
        self.log_refusing.set(i64::from(hub.log.refusing().is_some()));
        self.views_applied.set(gauge(applied));
        self.views_lag.set(gauge(head.saturating_sub(applied)));
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
