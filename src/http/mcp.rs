//! Tools as clients of the hub see and call them (contract, section 4).
//!
//! Never here: what a tool does, or how a call is made durable.

mod call;
mod calls;
mod diagnosis;
mod list;
mod live;
mod server;
mod transport;
mod view;

use actix_web::web::{Data, ServiceConfig, get, post, resource};
use utoipa::OpenApi;

use crate::Hub;

pub use call::CallTool;
pub use calls::ResolveCall;
pub use list::{ToolBody, ToolsBody};
pub(super) use list::{connected, switches};
pub use transport::{Sessions, SpeakError, speak};
pub use view::{CallBody, CalledBody};

/// The operations of this area.
pub(super) fn routes(config: &mut ServiceConfig, hub: &Data<Hub>) {
    config
        .service(resource("/mcp/tools").route(get().to(list::list_tools)))
        .service(resource("/mcp/call").route(post().to(call::call_tool)))
        .service(resource("/mcp/call/stream").route(post().to(live::call_tool_stream)))
        .service(resource("/mcp/calls").route(get().to(calls::list_calls)))
        .service(resource("/mcp/calls/{call_id}").route(get().to(calls::get_call)))
        .service(resource("/mcp/calls/{call_id}/cancel").route(post().to(calls::cancel_call)))
        .service(resource("/mcp/calls/{call_id}/resolve").route(post().to(calls::resolve_call)))
        .service(resource("/mcp/test/whatsapp").route(get().to(diagnosis::test_whatsapp)))
        .service(resource("/mcp/debug/settings").route(get().to(diagnosis::debug_settings)));
    transport::routes(config, hub);
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(
    list::list_tools,
    call::call_tool,
    live::call_tool_stream,
    calls::list_calls,
    calls::get_call,
    calls::cancel_call,
    calls::resolve_call,
    diagnosis::test_whatsapp,
    diagnosis::debug_settings
))]
pub(super) struct Api;
