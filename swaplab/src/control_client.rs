//! A request to a running machine, and its reply.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use campaign::control::{Request, VERSION};
use serde_json::Value;

use crate::exit::Exit;

/// How long a machine may take to answer: it answers between two steps of its guest.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a request; returns what the machine says to it.
pub(crate) fn ask(socket: &Path, request: &Request) -> Result<Value, Exit> {
    let name = socket.display();
    let reply = exchange(socket, request).map_err(|error| {
        Exit::Usage.with(&format!("{name}: {error}; is a machine running with --control {name}?"))
    })?;
    let mut reply: Value = serde_json::from_str(&reply)
        .map_err(|error| Exit::Infrastructure.with(&format!("{name}: no JSON: {error}")))?;
    if reply["v"] != VERSION {
        let version = &reply["v"];
        let problem = format!("{name}: the machine speaks version {version}, this is {VERSION}");
        return Err(Exit::Usage.with(&problem));
    }
    match reply.get("error") {
        Some(error) => Err(Exit::Usage.with(&error.as_str().unwrap_or("no reason is given"))),
        None => Ok(reply["ok"].take()),
    }
}

fn exchange(socket: &Path, request: &Request) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    writeln!(stream, "{}", request.to_line())?;
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply)?;
    Ok(reply)
}

/// A number of a reply.
pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// A text of a reply.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// A list of a reply.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
