//! `web_tools`: reading pages, drawing data from them, looking whether a site answers, short
//! links.
//!
//! Never here: driving a browser; the original's `automate_task` is not offered.

mod arguments;
mod links;
mod page;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use hub_events::Class;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::egress::{Egress, EgressError, Request};
use crate::tools::{Call, Card, Failure, Outcome, Tool};

pub use self::links::{Link, Links};

/// How many sites one call looks at.
const MOST_SITES: usize = 50;

/// How long one site may take to answer when its status is checked.
const SITE: Duration = Duration::from_secs(10);

/// The tool.
#[derive(Debug)]
pub(super) struct WebTools {
    card: Card,
    egress: Arc<Egress>,
    links: Arc<Links>,
}

impl WebTools {
    /// The tool, over the only way out and the links of all accounts.
    pub(super) fn new(egress: Arc<Egress>, links: Arc<Links>) -> Self {
        let card = Card::new(
            "web_tools",
            "web_tools",
            "Reads web pages: scrape_website gives a page's title, text, headings and links; \
             extract_data picks values by CSS selectors; extract_emails finds addresses; \
             check_status tells whether sites answer. Makes short links: generate_short_link, \
             generate_tracking_link (with utm parameters), get_link_stats (how often one was \
             followed), delete_link.",
            arguments::schema(),
        );
        Self { card, egress, links }
    }

    /// The text at a URL, and where it came from after redirects.
    async fn fetch(&self, url: &str, timeout: Duration) -> Result<(Url, String), Failure> {
        let url = parsed(url)?;
        let answer = self.egress.send(Request::new(Method::GET, url, timeout)).await?;
        let status = answer.status.as_u16();
        let message = format!("The page answers {status}");
        match status {
            ..400 => Ok((answer.url, String::from_utf8_lossy(&answer.body).into_owned())),
            408 | 425 | 429 | 500.. => Err(Failure::passing("page_unavailable", message)),
            _ => Err(Failure::lasting("page_unavailable", message)),
        }
    }

    /// The page of a call: fetched, or at hand under `name`.
    async fn page(&self, call: &Call, name: &str) -> Result<(Option<Url>, String), Failure> {
        let argument = |name: &str| call.arguments.get(name).and_then(Value::as_str);
        match (argument("url"), argument(name)) {
            (Some(url), _) => {
                self.fetch(url, call.timeout).await.map(|(url, page)| (Some(url), page))
            }
            (None, at_hand) => Ok((None, at_hand.unwrap_or_default().to_owned())),
        }
    }

    async fn check(&self, url: &str) -> Value {
        let begun = Instant::now();
        let answered = match parsed(url) {
            Ok(parsed) => self.egress.send(Request::new(Method::GET, parsed, SITE)).await,
            Err(_) => Err(EgressError::Invalid("it is no URL")),
        };
        let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match answered {
            Ok(answer) => json!({
                "url": url, "ok": answer.status.as_u16() < 400,
                "status": answer.status.as_u16(), "error": null, "elapsed_ms": elapsed_ms,
            }),
            Err(error) => json!({
                "url": url, "ok": false, "status": null, "error": error.to_string(),
                "elapsed_ms": elapsed_ms,
            }),
        }
    }

    async fn run(&self, call: Call) -> Result<Value, Failure> {
        match call.arguments.get("operation").and_then(Value::as_str) {
            Some("scrape_website") => {
                let (url, page) = self.page(&call, "html").await?;
                apart(move || page::scrape(url.as_ref(), &page)).await
            }
            Some("extract_data") => {
                let (url, page) = self.page(&call, "html").await?;
                let selectors = call.arguments.get("selectors").cloned();
                apart(move || page::extract(url.as_ref(), &page, selectors.as_ref())).await
            }
            Some("extract_emails") => {
                let (_, text) = self.page(&call, "text").await?;
                apart(move || Ok(page::emails(&text))).await
            }
            Some("generate_short_link") => self.links.shorten(&call).await,
            Some("generate_tracking_link") => self.links.track(&call).await,
            Some("get_link_stats") => self.links.stats(&call).await,
            Some("delete_link") => self.links.delete(&call).await,
            _ => {
                let one = call.arguments.get("url").and_then(Value::as_str);
                let several = call.arguments.get("urls").and_then(Value::as_array);
                let several = several.into_iter().flatten().filter_map(Value::as_str);
                let sites = join_all(one.into_iter().chain(several).map(|url| self.check(url)));
                let mut sites = sites.await;
                Ok(match (one, sites.len()) {
                    (Some(_), 1) => {
                        let mut site = sites.remove(0);
                        if let Value::Object(site) = &mut site {
                            site.insert("success".to_owned(), true.into());
                        }
                        site
                    }
                    _ => json!({ "success": true, "sites": sites }),
                })
            }
        }
    }
}

fn parsed(url: &str) -> Result<Url, Failure> {
    url.parse().map_err(|_| Failure::lasting("invalid_arguments", "url: not a URL"))
}

/// Works on a page apart from the threads that serve.
async fn apart(
    work: impl FnOnce() -> Result<Value, Failure> + Send + 'static,
) -> Result<Value, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Failure::lasting("page_unreadable", "The page cannot be read")))
}

impl Tool for WebTools {
    fn card(&self) -> &Card {
        &self.card
    }

    fn class(&self, arguments: &Value) -> Class {
        match arguments.get("operation").and_then(Value::as_str) {
            // The same call makes the same link.
            Some("generate_short_link" | "generate_tracking_link") => Class::Keyed,
            Some("delete_link") => Class::Idempotent,
            _ => Class::Read,
        }
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            match self.run(call).await {
                Ok(result) => Outcome::Done(result),
                Err(failure) => Outcome::Failed(failure),
            }
        })
    }
}
