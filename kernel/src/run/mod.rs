
use std::path::Path;use crate::error::Result; pub fn run(_:&Path,_:Option<&Path>)->Result<std::process::ExitCode>{let s=crate::session::Session::start()?; let r=s.execute(crate::session::Cell{code:"let a=1;".into(),sink:std::sync::Arc::new(|_|()),ask:std::sync::Arc::new(|_|None)}); let _=r.blocking_recv(); Ok(0.into())}
