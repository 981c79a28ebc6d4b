//! The tests of sessions and of the command, in one binary.

mod aliases;
mod answers;
mod cancelled;
mod changes;
mod command;
mod copies;
mod logic;
mod others;
mod outputs;
mod prompt;
mod quantities;
mod read_back;
mod refused;
mod scans;
mod scarce;
mod separated;
mod support;
mod taint;
mod types;
