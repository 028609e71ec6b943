//! `swaplab serve`: the faulty controller for somebody else's virtual machine, over vfio-user.

use std::path::Path;
use std::thread;

use campaign::disk_image::DiskUser;
use campaign::engine::EngineError;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use vmm::{DriveServer, ServeConfig, ServeStopper, SessionEnd};

use crate::args::Serve;
use crate::drive;
use crate::exit::Exit;

pub(crate) fn run(args: &Serve) -> Exit {
    match prepare(args) {
        Ok(server) => serve(server, args),
        Err(exit) => exit,
    }
}

fn prepare(args: &Serve) -> Result<DriveServer, Exit> {
    let controller = args.drive.controller(DiskUser::ForeignGuest { lba_bytes: args.lba })?;
    let config =
        ServeConfig { socket: args.socket.clone(), controller, control: args.drive.control() };
    let server = DriveServer::new(config).map_err(|error| Exit::from(EngineError::from(error)))?;
    stop_on_signal(server.stopper())?;
    Ok(server)
}

/// Ctrl-C ends the serving, not the account of it.
fn stop_on_signal(stopper: ServeStopper) -> Result<(), Exit> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).map_err(|error| Exit::Infrastructure.with(&error))?;
    // The thread ends with the process: nothing waits for it.
    thread::spawn(move || signals.forever().for_each(|_| stopper.stop()));
    Ok(())
}

fn serve(mut server: DriveServer, args: &Serve) -> Exit {
    say_how_to_connect(&args.socket);
    let exit = loop {
        let end = server.wait();
        match &end {
            SessionEnd::HungUp => println!("the client has hung up"),
            SessionEnd::Broken(how) => println!("the client is cut off: {how}"),
            SessionEnd::PowerLost => println!("a fault has cut the drive's power"),
            SessionEnd::Stopped => break Exit::Expected,
        }
        if !args.again {
            break match end {
                SessionEnd::Broken(_) => Exit::Findings,
                _ => Exit::Expected,
            };
        }
    };
    let void = server.into_controller().and_then(|controller| drive::report(&controller));
    void.unwrap_or(exit)
}

fn say_how_to_connect(socket: &Path) {
    let path = socket.display();
    println!(
        "an NVMe controller is at {path}; a client's guest memory must be shared:

qemu-system-x86_64 -m 1G -machine q35,memory-backend=ram \\
  -object memory-backend-memfd,id=ram,size=1G,share=on \\
  -device '{{\"driver\":\"vfio-user-pci\",\"socket\":{{\"type\":\"unix\",\"path\":\"{path}\"}}}}'

cloud-hypervisor --memory size=1G,shared=on --user-device socket={path}
"
    );
}
