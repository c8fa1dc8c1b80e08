//! A low bandwidth gateway as an operator meets it: checked, started, reloaded, looked at, ended.

mod certificates;
mod checks;
mod counters;
mod ending;
mod flags;
mod plain;
mod privileges;
mod reload;
mod replaced;
mod report;
mod stage;
mod tcp_side;
mod times;
