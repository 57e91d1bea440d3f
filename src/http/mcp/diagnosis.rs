//! Two diagnoses that clients of the original know. Neither shows anything of a secret.

use std::env;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::Hub;
use crate::http::caller::{Caller, Owner};
use crate::http::envelope;
use crate::http::problem::Answer;

/// What the original read from its environment. This hub reads none of it: each account connects
/// WhatsApp for itself.
const VARIABLES: [&str; 4] = [
    "WHATSAPP_BASE_URL",
    "WHATSAPP_PHONE_NUMBER_ID",
    "WHATSAPP_BUSINESS_ACCOUNT_ID",
    "WHATSAPP_TOKEN",
];

/// Whether the server's own access to WhatsApp works.
#[derive(Debug, Serialize, ToSchema)]
struct WhatsappBody {
    success: bool,
    error: &'static str,
}

/// Says whether the server has an access to WhatsApp of its own. It has none: each account
/// connects WhatsApp for itself and tests that connection.
#[utoipa::path(get, path = "/mcp/test/whatsapp", tag = "mcp", security(("HTTPBearer" = [])),
    responses((status = 200, body = WhatsappBody)))]
pub(super) async fn test_whatsapp(_: Caller) -> Answer {
    let error = "This server has no WhatsApp access of its own. Connect WhatsApp and test that \
                 connection.";
    Ok(HttpResponse::Ok().json(WhatsappBody { success: false, error }))
}

/// What the server's environment says of WhatsApp: whether it is set, and never its value.
#[derive(Debug, Serialize, ToSchema)]
struct SettingsBody {
    whatsapp_base_url: &'static str,
    whatsapp_phone_number_id: &'static str,
    whatsapp_business_account_id: &'static str,
    whatsapp_token_set: bool,
    whatsapp_token_preview: &'static str,
    environment: &'static str,
    #[schema(value_type = Object)]
    docker_env_vars: Map<String, Value>,
}

fn told(variable: &str) -> &'static str {
    if env::var_os(variable).is_some_and(|value| !value.is_empty()) { "Set" } else { "Not Set" }
}

/// Tells the owner which of the original's settings the server's environment has; their values
/// are not shown, and not used.
#[utoipa::path(get, path = "/mcp/debug/settings", tag = "mcp", security(("HTTPBearer" = [])),
    responses((status = 200, body = envelope::Success<SettingsBody>), (status = 403)))]
pub(super) async fn debug_settings(_: Data<Hub>, _: Owner) -> Answer {
    let [base_url, phone_number_id, business_account_id, token] = VARIABLES;
    let body = SettingsBody {
        whatsapp_base_url: told(base_url),
        whatsapp_phone_number_id: told(phone_number_id),
        whatsapp_business_account_id: told(business_account_id),
        whatsapp_token_set: told(token) == "Set",
        whatsapp_token_preview: told(token),
        environment: if cfg!(debug_assertions) { "development" } else { "production" },
        docker_env_vars: VARIABLES
            .into_iter()
            .map(|name| (name.to_owned(), told(name).into()))
            .collect(),
    };
    Ok(HttpResponse::Ok().json(envelope::Success::of(body)))
}
