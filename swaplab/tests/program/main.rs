//! The program as a user meets it: what it is told, what it prints where, and how it ends.

mod block_device;
mod campaign;
mod cli;
mod controller;
mod fault;
mod host_storage;
mod image;
mod namespace;
mod run;
mod serve;
mod sessions;
