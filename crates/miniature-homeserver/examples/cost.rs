//! What the miniature homeserver costs: short requests by the second of its thread, and the memory
//! of syncs that wait. `cargo run --release -p vestibule-miniature-homeserver --example cost`

use std::{
    fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use vestibule_miniature_homeserver::{Homeserver, Options};

const CONNECTIONS: usize = 8;
const REQUESTS: usize = 100_000;
const WAITING: usize = 5_000;

fn main() -> io::Result<()> {
    let homeserver = Homeserver::start(Options {
        journal: 0,
        ..Options::default()
    })?;
    let alice = homeserver.register("alice", "password");
    let room = homeserver.create_room(&alice, &[]);
    let token = homeserver.log_in(&alice).unwrap_or_default();
    let whoami = |_| request("GET", "account/whoami", &token, "");
    measure(&homeserver, "whoami", whoami)?;
    let send = |number| {
        let path = format!("rooms/{room}/send/m.room.message/{number}");
        request(
            "PUT",
            &path,
            &token,
            r#"{"msgtype":"m.text","body":"Hello"}"#,
        )
    };
    measure(&homeserver, "send", send)?;
    waiting(&homeserver, &alice, &room)
}

fn request(method: &str, path: &str, token: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} /_matrix/client/v3/{path} HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn measure(
    homeserver: &Homeserver,
    name: &str,
    request: impl Fn(usize) -> String + Sync,
) -> io::Result<()> {
    let before = seconds_of_thread()?;
    let begun = Instant::now();
    let address = homeserver.address();
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let request = &request;
            scope.spawn(move || {
                let numbers = (connection..REQUESTS).step_by(CONNECTIONS);
                ask_all(address, numbers.map(request))
            });
        }
    });
    let cpu = seconds_of_thread()? - before;
    let rate = REQUESTS as f64 / cpu;
    let wall = begun.elapsed().as_secs_f64();
    println!("{name}: {rate:.0} requests per second of CPU ({wall:.1} s, {cpu:.1} s of CPU)");
    Ok(())
}

fn ask_all(address: SocketAddr, requests: impl Iterator<Item = String>) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut answer = [0; 4096];
    for request in requests {
        stream.write_all(request.as_bytes())?;
        let read = stream.read(&mut answer)?;
        assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
    }
    Ok(())
}

fn waiting(homeserver: &Homeserver, sender: &str, room: &str) -> io::Result<()> {
    let before = resident()?;
    let since = "s5";
    let mut streams = Vec::with_capacity(WAITING);
    for number in 0..WAITING {
        let user = homeserver.register(&format!("user{number}"), "password");
        let token = homeserver.log_in(&user).unwrap_or_default();
        let mut stream = TcpStream::connect(homeserver.address())?;
        let path = format!("sync?since={since}&timeout=300000");
        stream.write_all(request("GET", &path, &token, "").as_bytes())?;
        streams.push(stream);
    }
    while homeserver.waiting() < WAITING as u64 {
        thread::sleep(Duration::from_millis(10));
    }
    let each = (resident()? - before) / WAITING;
    println!("{WAITING} syncs wait: {each} bytes each, users and clients' sockets with them");
    let begun = Instant::now();
    homeserver.send_text(room, sender, "Hello");
    println!("a message to a room without them: {:?}", begun.elapsed());
    Ok(())
}

/// What the homeserver's thread has used.
fn seconds_of_thread() -> io::Result<f64> {
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if fs::read_to_string(task.join("comm"))?.trim() == "homeserver" {
            let spent = fs::read_to_string(task.join("schedstat"))?;
            let nanoseconds = spent.split(' ').next().unwrap_or_default();
            return Ok(nanoseconds.parse().unwrap_or(0.0) / 1e9);
        }
    }
    Ok(0.0)
}

/// Bytes of memory that this process has.
fn resident() -> io::Result<usize> {
    let pages = fs::read_to_string("/proc/self/statm")?;
    let pages = pages.split(' ').nth(1).unwrap_or_default();
    Ok(pages.parse::<usize>().unwrap_or(0) * 4096)
}
