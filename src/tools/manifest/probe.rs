//! Trying a connection out by the request that its platform's manifest names.
//!
//! Never here: what becomes of the connection then.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hub_events::id::AccountId;
use serde_json::{Map, Value, json};

use super::{Parts, test};
use crate::connections::probe::{Accepted, Probe};
use crate::platforms::Platform;

impl Probe for Parts {
    fn probe<'a>(
        &'a self,
        account: AccountId,
        platform: &'a Platform,
        config: &'a Map<String, Value>,
    ) -> BoxFuture<'a, Result<Accepted, String>> {
        let name = &platform.manifest().name;
        async move {
            let told = test(platform, self, account, config.clone()).await;
            let told = told.map_err(|failure| failure.message)?;
            Ok(match told.get("connected_as").unwrap_or(&Value::Null) {
                _ if told.get("tested") == Some(&Value::Bool(false)) => {
                    let message = format!("{name} has nothing by which to try a connection out");
                    Accepted { message, data: None }
                }
                Value::Null => Accepted { message: format!("Connected to {name}"), data: None },
                shown => {
                    let as_text = shown.as_str().map_or_else(|| shown.to_string(), str::to_owned);
                    let message = format!("Connected to {name} as {as_text}");
                    Accepted { message, data: Some(json!({ "connected_as": shown })) }
                }
            })
        }
        .boxed()
    }
}
