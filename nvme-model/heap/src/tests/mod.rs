//! What a heap promises, on heaps that are not installed.

mod block;
mod histories;
mod slabs;
mod threads;

use block::{Block, TestHeap};
