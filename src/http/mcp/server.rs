//! The hub as a server of the Model Context Protocol: its tools, an account's workflows as tools,
//! its conversations and runs as resources.
//!
//! Both revisions in use are spoken: 2025-11-25 with `initialize`, and 2026-07-28 without. What
//! the protocol demands is the library's; here is what the hub has to say. Never here: how
//! messages come and go (`transport`, and the command line for stdio).

mod calls;
mod resources;
mod tools;

use actix_web::web::Data;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ErrorData, Implementation,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use rmcp_actix_web::transport::on_request_extensions;

use crate::Hub;
use crate::http::caller::Caller;
use crate::http::health::API_VERSION;
use crate::http::problem::Problem;

/// What a model is told of this server.
const INSTRUCTIONS: &str = "Tools of this hub and of the platforms that the account has \
    connected, and the account's active workflows, whose names begin with `workflow_`. Everything \
    is done once: a call that may or may not have taken effect is reported as in doubt and must \
    not be repeated without asking the person.";

/// One conversation with a client, or one request of it.
#[derive(Clone)]
pub(super) struct Server {
    hub: Data<Hub>,
    /// Who asks, where it is always the same; else each request says.
    caller: Option<Caller>,
}

impl Server {
    /// A server each of whose requests says who asks.
    pub(super) fn of_requests(hub: Data<Hub>) -> Self {
        Self { hub, caller: None }
    }

    /// A server for one caller.
    pub(super) fn of(hub: Data<Hub>, caller: Caller) -> Self {
        Self { hub, caller: Some(caller) }
    }

    /// Who asks.
    fn caller(&self, context: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
        let said = on_request_extensions(&context.extensions);
        let caller = self.caller.or_else(|| said?.get::<Caller>().copied());
        caller.ok_or_else(|| ErrorData::internal_error("It is not known who asks", None))
    }
}

/// What went wrong on the hub's side, for a client of the protocol. Its source is logged where
/// the problem was made, and not told.
fn trouble(problem: Problem) -> ErrorData {
    ErrorData::internal_error(format!("The hub could not do it: {}", problem.code()), None)
}

/// Where a page begins, as the page before it said.
fn page(request: Option<PaginatedRequestParams>) -> Result<Option<u64>, ErrorData> {
    let Some(cursor) = request.and_then(|request| request.cursor) else { return Ok(None) };
    let read = cursor.parse().map(Some);
    read.map_err(|_| ErrorData::invalid_params("The cursor is none of this server's", None))
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().build();
        let name = Implementation::new("arrotech-hub", API_VERSION).with_title("Arrotech Hub");
        ServerConfig::new(capabilities).with_server_info(name).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let caller = self.caller(&context)?;
        tools::list(&self.hub, &caller, page(request)?).await
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = self.caller(&context)?;
        calls::call(&self.hub, &caller, request, &context).await.map(Into::into)
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let caller = self.caller(&context)?;
        resources::list(&self.hub, &caller, page(request)?).await
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(resources::templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let caller = self.caller(&context)?;
        resources::read(&self.hub, &caller, &request.uri).await.map(Into::into)
    }
}
