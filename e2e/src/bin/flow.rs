//! Load for the reload test, in a process of its own: an echo origin, and clients that keep data
//! flowing through an address and check every byte that comes back.
//!
//! It says `origin ADDRESS`, reads the line `ADDRESS CONNECTIONS` from standard input, says
//! `flowing` when every connection has been answered once, ends all connections properly when
//! standard input ends, and says what happened as one line of JSON.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use vestibule_e2e::Random;

/// Largest message of a client.
const MESSAGE: u64 = 2048;

/// A client rests up to this long between two messages.
const REST: Duration = Duration::from_millis(2_000);

/// Clients that connect at once: the origin's queue of the kernel's default size holds them.
const CONNECTING: usize = 64;

/// How long an answer may take. Far more than a busy machine needs, so that only a lost byte is
/// late.
const PATIENCE: Duration = Duration::from_secs(60);

/// What happened.
#[derive(Debug, Default, Serialize)]
struct Report {
    connections: usize,
    messages: u64,
    bytes: u64,
    failures: Vec<String>,
}

#[derive(Debug, Default)]
struct State {
    answered: AtomicU64,
    messages: AtomicU64,
    bytes: AtomicU64,
    ending: AtomicBool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    raise_descriptor_limit();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("origin {}", listener.local_addr()?);
    tokio::spawn(echo(listener));

    let mut commands = BufReader::new(tokio::io::stdin()).lines();
    let command = commands.next_line().await?.unwrap_or_default();
    let (address, connections) = parse(&command).ok_or_else(|| {
        io::Error::other(format!("expected ADDRESS CONNECTIONS, got {command:?}"))
    })?;
    let state = Arc::new(State::default());
    let connecting = Arc::new(Semaphore::new(CONNECTING));
    let mut clients = JoinSet::new();
    for number in 0..connections {
        let (state, connecting) = (Arc::clone(&state), Arc::clone(&connecting));
        clients.spawn(async move { client(address, number, &state, &connecting).await });
    }
    while state.answered.load(Ordering::Relaxed) < connections && !any_has_ended(&mut clients) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("flowing");
    while commands.next_line().await?.is_some() {}
    state.ending.store(true, Ordering::Relaxed);

    let mut report = Report::default();
    while let Some(ended) = clients.join_next().await {
        match ended.map_err(io::Error::other)? {
            Ok(()) => report.connections += 1,
            Err(error) => report.failures.push(error.to_string()),
        }
    }
    report.messages = state.messages.load(Ordering::Relaxed);
    report.bytes = state.bytes.load(Ordering::Relaxed);
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

fn parse(command: &str) -> Option<(SocketAddr, u64)> {
    let (address, connections) = command.split_once(' ')?;
    Some((address.parse().ok()?, connections.parse().ok()?))
}

/// A client that ends before it is asked to has failed: waiting for the others is of no use.
fn any_has_ended(clients: &mut JoinSet<io::Result<()>>) -> bool {
    match clients.try_join_next() {
        Some(Ok(Err(error))) => {
            eprintln!("a client failed: {error}");
            std::process::exit(1)
        }
        Some(_) => true,
        None => false,
    }
}

/// Sends messages and checks the answers, until asked to end; then says FIN and expects FIN.
async fn client(
    address: SocketAddr,
    number: u64,
    state: &State,
    connecting: &Semaphore,
) -> io::Result<()> {
    let mut random = Random::new(number);
    let mut stream = {
        let _permit = connecting.acquire().await.map_err(io::Error::other)?;
        TcpStream::connect(address).await?
    };
    stream.set_nodelay(true)?;
    let mut first = true;
    while first || !state.ending.load(Ordering::Relaxed) {
        let length = usize::try_from(1 + random.below(MESSAGE)).unwrap_or(1);
        exchange(&mut stream, &mut random, length)
            .await
            .map_err(|error| io::Error::other(format!("connection {number}: {error}")))?;
        state.messages.fetch_add(1, Ordering::Relaxed);
        state.bytes.fetch_add(length as u64, Ordering::Relaxed);
        if first {
            state.answered.fetch_add(1, Ordering::Relaxed);
            first = false;
        }
        rest(&mut random, state).await;
    }
    stream.shutdown().await?;
    let mut more = [0];
    match within(stream.read(&mut more)).await? {
        0 => Ok(()),
        _ => Err(io::Error::other(format!(
            "connection {number}: a byte too many"
        ))),
    }
}

/// Writes and reads at the same time, so that no size of message can block both ends.
async fn exchange(stream: &mut TcpStream, random: &mut Random, length: usize) -> io::Result<()> {
    let mut message = vec![0; length];
    random.fill(&mut message);
    let mut answer = vec![0; length];
    let (mut reader, mut writer) = stream.split();
    within(async { tokio::try_join!(writer.write_all(&message), reader.read_exact(&mut answer)) })
        .await?;
    match answer == message {
        true => Ok(()),
        false => Err(io::Error::other("the answer is not what was sent")),
    }
}

async fn rest(random: &mut Random, state: &State) {
    let millis = random.below(u64::try_from(REST.as_millis()).unwrap_or(1));
    let until = tokio::time::Instant::now() + Duration::from_millis(millis);
    while tokio::time::Instant::now() < until && !state.ending.load(Ordering::Relaxed) {
        tokio::time::sleep_until(until.min(tokio::time::Instant::now() + REST / 8)).await;
    }
}

async fn within<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(result) => result,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn echo(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let mut buffer = [0; 2048];
            while let Ok(n) = stream.read(&mut buffer).await {
                if n == 0 || stream.write_all(&buffer[..n]).await.is_err() {
                    return;
                }
            }
        });
    }
}

fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    // As far as the hard limit: without it, connecting fails and says so.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}
