//! The controller without a machine of ours: served over vfio-user to somebody else's, such as QEMU's.
//!
//! A client connects, shares the memory of its guest, and sends what the guest reads and writes of the PCI function;
//! interrupts go back by eventfds. There is one client at a time. When it hangs up, the drive has lost its power, and the
//! next one finds what that left. Time is the host's, zero at a client's first access.
//!
//! What it does not do: no part of a BAR is mapped, so that every access is seen, doorbells too, and none is fast; no
//! transfer to memory that the client does not share; no INTx, no migration. The messages are `vfio_user`'s: after one
//! that it does not know, a session is over. A client is trusted as far as any process of the same user: one that
//! truncates the memory it shares ends this process with it.
//!
//! Threads: one carries the client's messages, the event loop's steps the controller when something is due and answers
//! the control socket. The function is behind one lock.

mod client;
mod device;
mod eventfds;
mod regions;
#[cfg(test)]
mod tests;
mod windows;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use nvme_model::Controller;

use crate::VmmError;
use crate::control::{Answering, Control, ControlServer, Mailbox};
use crate::controller_timer::{Alarm, ControllerTimer};
use crate::event_loop::{EventLoop, Subscriber};
use crate::socket::OwnSocket;
use client::Client;
use device::{Shared, lock};

/// A controller to be served.
#[derive(Debug)]
pub struct ServeConfig {
    /// Where clients connect. It must not exist, unless it is a socket of the same user's that nobody listens at.
    pub socket: PathBuf,
    /// The controller.
    pub controller: Controller,
    /// Where somebody may talk to the controller while it is served.
    pub control: Option<Control>,
}

/// Why [`DriveServer::wait`] returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The client has hung up, and the next one may come.
    HungUp,
    /// What came from the client was not vfio-user, or the connection broke; the text says how. The next one may come.
    Broken(String),
    /// A fault has cut the drive's power. Until the client hangs up, nobody answers it.
    PowerLost,
    /// [`ServeStopper::stop`] was called.
    Stopped,
}

/// A controller that is being served.
#[derive(Debug)]
pub struct DriveServer {
    // Dropped in this order: first nobody steps the device any more, then nobody finds it.
    _event_loop: EventLoop,
    socket: OwnSocket,
    device: Shared,
    ends: Receiver<SessionEnd>,
    stop: Sender<SessionEnd>,
}

/// Ends a wait from another thread.
#[derive(Clone, Debug)]
pub struct ServeStopper(Sender<SessionEnd>);

impl ServeStopper {
    /// Ends the present [`DriveServer::wait`], or the next one, with [`SessionEnd::Stopped`].
    pub fn stop(&self) {
        // Nobody waits any more if this cannot be told.
        let _ = self.0.send(SessionEnd::Stopped);
    }
}

impl DriveServer {
    /// Begins to listen.
    ///
    /// # Errors
    /// The socket cannot be made, or the host has no descriptors or threads left.
    pub fn new(config: ServeConfig) -> Result<Self, VmmError> {
        let socket = OwnSocket::bind("vfio-user", &config.socket)?;
        let (stop, ends) = channel();
        let alarm = Arc::new(Alarm::new()?);
        let client = Client::new(config.controller, Arc::clone(&alarm), stop.clone());
        let device = Arc::clone(&client.device);
        let for_timer = Arc::clone(&device);
        let timer = ControllerTimer::new(alarm, move || lock(&for_timer).step())?;
        let mut subscribers: Vec<Subscriber> = vec![Box::new(timer)];
        if let Some(control) = config.control {
            subscribers.push(Box::new(listen_to(control, &device)?));
        }
        let event_loop = EventLoop::start(subscribers)?;
        let listener = socket.listener.try_clone().map_err(no_descriptors)?.into();
        let server =
            vfio_user::Server::from_owned_fd(listener, true, client.interrupts(), client.regions());
        let tell = stop.clone();
        std::thread::Builder::new()
            .name("vfio-user".into())
            .spawn(move || serve(&server, client, &tell))
            .map_err(|source| VmmError::Host { what: "starting the server's thread", source })?;
        Ok(Self { _event_loop: event_loop, socket, device, ends, stop })
    }

    /// Waits until a session ends, or something else that [`SessionEnd`] knows happens.
    pub fn wait(&mut self) -> SessionEnd {
        self.ends.recv().unwrap_or(SessionEnd::Stopped)
    }

    /// A handle that ends the wait from another thread.
    #[must_use]
    pub fn stopper(&self) -> ServeStopper {
        ServeStopper(self.stop.clone())
    }

    /// Stops serving and returns the controller. A client that is still there reads ones from now on.
    #[must_use]
    pub fn into_controller(self) -> Option<Controller> {
        lock(&self.device).take_controller()
    }
}

impl Drop for DriveServer {
    fn drop(&mut self) {
        // Nobody may connect any more: the thread that waits for them ends. One that has a client ends with it.
        if let Err(error) =
            rustix::net::shutdown(&self.socket.listener, rustix::net::Shutdown::Both)
        {
            log::debug!("the vfio-user socket is closed already: {error}");
        }
    }
}

/// The control socket of a device that is served.
fn listen_to(control: Control, device: &Shared) -> Result<ControlServer, VmmError> {
    let mailbox = Arc::new(Mailbox::new()?);
    lock(device).answering = Some(Answering { mailbox: Arc::clone(&mailbox), hook: control.hook });
    let device = Arc::clone(device);
    ControlServer::new(&control.path, mailbox, move || lock(&device).answer())
}

/// Serves one client after the other, until nobody can connect any more.
fn serve(server: &vfio_user::Server, mut client: Client, tell: &Sender<SessionEnd>) {
    loop {
        // What a client sends must not end this process, whatever the library makes of it.
        let session = catch_unwind(AssertUnwindSafe(|| server.run(&mut client)));
        let end = match session {
            Ok(Ok(())) => SessionEnd::HungUp,
            Ok(Err(vfio_user::Error::SocketAccept(_))) => return,
            Ok(Err(error)) => SessionEnd::Broken(error.to_string()),
            Err(_) => SessionEnd::Broken("a message made no sense".to_owned()),
        };
        client.hang_up();
        if tell.send(end).is_err() {
            return;
        }
    }
}

fn no_descriptors(source: std::io::Error) -> VmmError {
    VmmError::Host { what: "sharing a socket", source }
}
