//! How calls show who they are for: the kinds of sign-in.
//!
//! A manifest may have several; the first whose names are all set in a connection counts.
//! Never here: requests for tokens (`oauth.rs`).

use serde::Deserialize;

use super::named::Named;
use super::place::{Place, one_or_more};
use super::template::{Template, Tree};

/// A way to sign in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SignIn {
    /// Nothing is added: the service asks for nothing, or the credential stands in `base_url`.
    None,
    /// `Authorization: Bearer …`
    Bearer {
        /// The token.
        token: Template,
    },
    /// Headers of any name and scheme.
    Header {
        /// Their values by name.
        headers: Named<Template>,
    },
    /// Members of the query.
    Query {
        /// Their values by name.
        query: Named<Template>,
    },
    /// HTTP Basic; either half may be fixed or empty.
    Basic {
        /// The first half.
        #[serde(default)]
        username: Template,
        /// The second half.
        #[serde(default)]
        password: Template,
    },
    /// OAuth 2.0 by authorization code, with refresh.
    #[serde(rename = "oauth2")]
    OAuth2(Box<OAuth2>),
    /// OAuth 2.0 by client credentials (RFC 6749, section 4.4).
    ClientCredentials(Box<ClientCredentials>),
    /// A token that any other request gives.
    Token(Box<TokenRequest>),
    /// A service account of Google: a signed JWT is exchanged for a token (RFC 7523).
    ServiceAccount(Box<SignedAccount>),
}

/// How an access token is sent.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bearing {
    /// The header.
    #[serde(default = "authorization")]
    pub header: String,
    /// Its value.
    #[serde(default = "bearer")]
    pub value: Template,
}

fn authorization() -> String {
    "Authorization".to_owned()
}

fn bearer() -> Template {
    "Bearer {access_token}".parse().unwrap_or_default()
}

impl Default for Bearing {
    fn default() -> Self {
        Self { header: authorization(), value: bearer() }
    }
}

/// How a client shows who it is at the token endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// `client_id` and `client_secret` in the body.
    #[default]
    Body,
    /// HTTP Basic.
    Basic,
    /// `client_id` in the body and no secret.
    Public,
}

/// OAuth 2.0 by authorization code (RFC 6749, section 4.1), with refresh (section 6).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth2 {
    /// Where a person agrees.
    pub authorize_url: Template,
    /// Where codes and refresh tokens are exchanged.
    pub token_url: Template,
    /// What is asked for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Between scopes; a space where nothing is said.
    #[serde(default = "space")]
    pub scope_separator: String,
    /// Whether the exchange is bound to its beginning by a verifier (RFC 7636, S256).
    #[serde(default = "yes")]
    pub pkce: bool,
    /// How the client shows who it is.
    #[serde(default)]
    pub client: ClientAuth,
    /// The client's id.
    #[serde(default = "client_id")]
    pub client_id: Template,
    /// The client's secret.
    #[serde(default = "client_secret")]
    pub client_secret: Template,
    /// What the client's id is called on the wire.
    #[serde(default = "client_id_name")]
    pub client_id_name: String,
    /// Further members of the authorize URL's query.
    #[serde(default)]
    pub authorize: Named<Template>,
    /// Further members of every token request.
    #[serde(default)]
    pub token: Named<Template>,
    /// Where the token stands in the answer, where not at `/access_token`.
    #[serde(default = "access_token")]
    pub at: Place,
    /// Fields of the connection that the token answer gives, by name.
    #[serde(default)]
    pub learn: Named<Place>,
    /// A request after the first token that gives further fields.
    pub then: Option<Then>,
    /// How the token is sent.
    #[serde(default)]
    pub send: Bearing,
}

/// OAuth 2.0 by client credentials.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCredentials {
    /// Where tokens are given.
    pub token_url: Template,
    /// What is asked for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// How the client shows who it is.
    #[serde(default)]
    pub client: ClientAuth,
    /// The client's id.
    #[serde(default = "client_id")]
    pub client_id: Template,
    /// The client's secret.
    #[serde(default = "client_secret")]
    pub client_secret: Template,
    /// Another grant than `client_credentials`, such as Zoom's `account_credentials`.
    #[serde(default = "credentials_grant")]
    pub grant: String,
    /// Further members of the token request.
    #[serde(default)]
    pub token: Named<Template>,
    /// Further headers of the token request.
    #[serde(default)]
    pub headers: Named<Template>,
    /// Fields of the connection that the token answer gives, by name.
    #[serde(default)]
    pub learn: Named<Place>,
    /// A request after the first token that gives further fields.
    pub then: Option<Then>,
    /// How the token is sent.
    #[serde(default)]
    pub send: Bearing,
}

/// A token that a request of any form gives.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// GET or POST; POST where nothing is said.
    #[serde(default = "post")]
    pub method: Method,
    /// Where to.
    pub url: Template,
    /// Its query.
    #[serde(default)]
    pub query: Named<Template>,
    /// Its headers.
    #[serde(default)]
    pub headers: Named<Template>,
    /// User name and password (HTTP Basic).
    pub basic: Option<[Template; 2]>,
    /// Its body as a form.
    pub form: Option<Named<Template>>,
    /// Its body as JSON.
    pub json: Option<Tree>,
    /// Where the token stands in the answer; at `/access_token` where nothing is said.
    #[serde(default = "access_token")]
    pub at: Place,
    /// Where the answer says for how many seconds it counts, or until when (RFC 3339).
    #[serde(default = "expires_in", deserialize_with = "one_or_more")]
    pub expires: Vec<Place>,
    /// For how many seconds it counts where the answer does not say.
    #[serde(default = "hour")]
    pub lasts_s: u32,
    /// Fields of the connection that the answer gives, by name.
    #[serde(default)]
    pub learn: Named<Place>,
    /// How the token is sent.
    #[serde(default)]
    pub send: Bearing,
}

/// A service account of Google.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedAccount {
    /// The account's key: the JSON that Google gives out.
    pub key: Template,
    /// Where the signed JWT is exchanged.
    pub token_url: Template,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The person on whose behalf, where the account may act for people.
    pub subject: Option<Template>,
    /// How the token is sent.
    #[serde(default)]
    pub send: Bearing,
}

/// A request with a fresh token whose answer gives further fields of the connection.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Then {
    /// Where to (GET).
    pub url: Template,
    /// What it gives, by name.
    pub learn: Named<Place>,
}

/// The methods of HTTP that manifests use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    #[default]
    Get,
    /// Reads the headers.
    Head,
    /// Does something.
    Post,
    /// Puts something in a place.
    Put,
    /// Changes something.
    Patch,
    /// Deletes something.
    Delete,
}

impl Method {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether requests have a body.
    pub fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

fn space() -> String {
    " ".to_owned()
}

fn yes() -> bool {
    true
}

fn hour() -> u32 {
    3_600
}

fn post() -> Method {
    Method::Post
}

fn client_id() -> Template {
    "{client_id}".parse().unwrap_or_default()
}

fn client_secret() -> Template {
    "{client_secret}".parse().unwrap_or_default()
}

fn client_id_name() -> String {
    "client_id".to_owned()
}

fn credentials_grant() -> String {
    "client_credentials".to_owned()
}

fn access_token() -> Place {
    Place::Body("/access_token".to_owned())
}

fn expires_in() -> Vec<Place> {
    vec![Place::Body("/expires_in".to_owned())]
}

/// The field in which a connection keeps its access token.
pub const ACCESS_TOKEN: &str = "access_token";
/// The field in which it keeps what gives the next one.
pub const REFRESH_TOKEN: &str = "refresh_token";
/// The field that says until when the access token counts (RFC 3339).
pub const EXPIRES_AT: &str = "expires_at";

impl SignIn {
    /// The names that must be set in a connection for this way to be open to it.
    pub fn needs(&self) -> Vec<&str> {
        fn names(template: &Template) -> impl Iterator<Item = &str> {
            template.names().map(|name| name.name.as_str())
        }
        match self {
            Self::None => Vec::new(),
            Self::Bearer { token } => names(token).collect(),
            Self::Header { headers: members } | Self::Query { query: members } => {
                members.iter().flat_map(|(_, value)| names(value)).collect()
            }
            Self::Basic { username, password } => names(username).chain(names(password)).collect(),
            Self::OAuth2(_) => Vec::new(),
            Self::ClientCredentials(way) => {
                let secret = (way.client != ClientAuth::Public).then_some(&way.client_secret);
                let further = way.token.iter().map(|(_, value)| value);
                let all = [&way.client_id, &way.token_url].into_iter().chain(secret).chain(further);
                all.flat_map(names).collect()
            }
            Self::Token(way) => {
                let members = [Some(&way.query), way.form.as_ref()].into_iter().flatten();
                let members = members.flat_map(Named::iter).map(|(_, value)| value);
                let basic = way.basic.iter().flatten();
                let templates = std::iter::once(&way.url).chain(members).chain(basic);
                let json = way.json.iter().flat_map(Tree::names);
                templates.flat_map(names).chain(json).collect()
            }
            Self::ServiceAccount(way) => names(&way.key).collect(),
        }
    }

    /// How an access token is sent, where this way gives one.
    pub fn bearing(&self) -> Option<&Bearing> {
        match self {
            Self::OAuth2(way) => Some(&way.send),
            Self::ClientCredentials(way) => Some(&way.send),
            Self::Token(way) => Some(&way.send),
            Self::ServiceAccount(way) => Some(&way.send),
            Self::None
            | Self::Bearer { .. }
            | Self::Header { .. }
            | Self::Query { .. }
            | Self::Basic { .. } => None,
        }
    }

    /// The fields of a connection that this way gives.
    pub fn gives(&self) -> Vec<&str> {
        let (learn, then) = match self {
            Self::OAuth2(way) => (Some(&way.learn), way.then.as_ref()),
            Self::ClientCredentials(way) => (Some(&way.learn), way.then.as_ref()),
            Self::Token(way) => (Some(&way.learn), None),
            _ => (None, None),
        };
        let token = self.bearing().map(|_| [ACCESS_TOKEN, EXPIRES_AT]).into_iter().flatten();
        let refresh = matches!(self, Self::OAuth2(_)).then_some(REFRESH_TOKEN);
        let learnt = learn.into_iter().flat_map(Named::names);
        let further = then.into_iter().flat_map(|then| then.learn.names());
        token.chain(refresh).chain(learnt).chain(further).collect()
    }
}
