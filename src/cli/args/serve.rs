//! What the user typed for `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::ops::named_tenant::NamedTenant;
use crate::page::{Listen, ServeRequest};

/// `serve`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep serve
  fleetsweep serve --listen 127.0.0.1:9000
  fleetsweep serve --socket p.sock --public-url https://soc.example")]
pub struct ServeArgs {
    /// Address to listen on: one of this machine, unless a proxy stands before it
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8722",
        conflicts_with = "socket"
    )]
    pub listen: SocketAddr,

    /// Socket to listen on instead, which its user and group can open; a proxy that opens it and
    /// asks who its users are needs no ticket
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,

    /// Address by which browsers come, through a proxy with TLS and sign-in before this page
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,

    /// Serve metrics at /metrics too, to who shows the token in this file, readable by you alone
    #[arg(long, value_name = "PATH")]
    pub metrics_token_file: Option<PathBuf>,

    /// Where campaigns and calls are kept, as sqlite:PATH or postgres://... [env: FLEETSWEEP_STORE]
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,

    /// Print the link as a JSON line
    #[arg(long)]
    pub json: bool,
}

impl ServeArgs {
    /// What is asked for. `named` are the tenants that the settings name.
    pub(crate) fn request(self, named: Vec<NamedTenant>) -> ServeRequest {
        let Self { listen, socket, public_url, metrics_token_file, store: _, json: _ } = self;
        let listen = socket.map_or(Listen::Tcp(listen), Listen::Socket);
        ServeRequest { listen, public_url, metrics_token_file, named }
    }
}
