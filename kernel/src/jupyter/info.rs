//! kernel_info: what the kernel is; and where it listens.

use jupyter_protocol::{
    CodeMirrorMode, ConnectionInfo, HelpLink, KernelInfoReply, LanguageInfo, ReplyStatus,
};

use serde_json::{Value, json};

use super::message::PROTOCOL;

pub fn kernel_info() -> KernelInfoReply {
    let version = env!("CARGO_PKG_VERSION");
    let link = |text: &str, url: &str| HelpLink { text: text.to_owned(), url: url.to_owned() };
    KernelInfoReply {
        status: ReplyStatus::Ok,
        protocol_version: PROTOCOL.to_owned(),
        implementation: "herbarium".to_owned(),
        implementation_version: version.to_owned(),
        language_info: LanguageInfo {
            name: "rust".to_owned(),
            version: env!("CARGO_PKG_RUST_VERSION").to_owned(),
            mimetype: Some("text/rust".to_owned()),
            file_extension: Some(".rs".to_owned()),
            pygments_lexer: Some("rust".to_owned()),
            codemirror_mode: Some(CodeMirrorMode::Simple("rust".to_owned())),
            nbconvert_exporter: Some("script".to_owned()),
        },
        banner: format!("Herbarium {version}: Rust cells, compiled with evcxr. `:help` lists its commands."),
        help_links: vec![
            link("The Rust book", "https://doc.rust-lang.org/book/"),
            link("The Rust standard library", "https://doc.rust-lang.org/std/"),
            link("evcxr", "https://github.com/evcxr/evcxr"),
        ],
        debugger: false,
        error: None,
    }
}

/// The content of a `connect_reply`.
pub fn ports(connection: &ConnectionInfo) -> Value {
    json!({
        "status": "ok",
        "shell_port": connection.shell_port,
        "iopub_port": connection.iopub_port,
        "stdin_port": connection.stdin_port,
        "control_port": connection.control_port,
        "hb_port": connection.hb_port,
    })
}
