//! Clients and servers that break the rules, or take their time.

use super::*;

/// None of these may make the server see a second request, or another one than we saw.
#[test]
fn nothing_is_smuggled() {
    let origin = HttpOrigin::saying("ok");
    let vestibule = in_front_of(origin.address(), "");
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for (what, head) in [
        (
            "both lengths",
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "both, the other way",
            "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        ),
        (
            "two lengths",
            "Content-Length: 0\r\nContent-Length: 50\r\n\r\n",
        ),
        ("a list of lengths", "Content-Length: 0, 50\r\n\r\n"),
        ("a signed length", "Content-Length: +0\r\n\r\n"),
        ("a length in hex", "Content-Length: 0x0\r\n\r\n"),
        (
            "another coding",
            "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "chunked not last",
            "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        ),
        (
            "chunked twice",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "a coding in odd letters",
            "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        ),
        ("a space before the colon", "Content-Length : 0\r\n\r\n"),
        (
            "a folded line",
            "X: a\r\n Transfer-Encoding: chunked\r\n\r\n",
        ),
        ("two hosts", "Host: b\r\n\r\n"),
        ("a bare CR", "X: a\rTransfer-Encoding: chunked\r\n\r\n"),
        ("a NUL", "X: a\0b\r\n\r\n"),
    ] {
        let text = format!(
            "POST /{} HTTP/1.1\r\nHost: a\r\n{head}{smuggled}",
            what.len()
        );
        let answer = request(vestibule.address("in"), &text);
        assert_eq!(answer.status(), 400, "{what}: {}", answer.head);
        assert!(!answer.rest().contains("HTTP/1.1 200"), "{what}");
    }
    assert!(origin.is_quiet());
    // HTTP/1.0 has no chunks.
    let old = "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(request(vestibule.address("in"), old).status(), 400);
    // What stands in a right body is no request.
    let length = smuggled.len();
    let right =
        format!("POST /right HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{smuggled}");
    assert_eq!(request(vestibule.address("in"), right).status(), 200);
    assert!(origin.head().starts_with("POST /right "));
    assert!(origin.is_quiet());
}

#[test]
fn heads_are_bounded_in_length_and_time() {
    let origin = HttpOrigin::saying("ok");
    let vestibule = in_front_of(origin.address(), "request_timeout = \"40s\"");
    let address = vestibule.address("in");
    let long = "x".repeat(70_000);
    let mut stream = connect(address);
    let _ = stream.write_all(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n").as_bytes());
    assert_eq!(answer(stream).status(), 431);
    let fits = "x".repeat(30_000);
    let fits = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {fits}\r\n\r\n");
    assert_eq!(request(address, fits).status(), 200);
    let vestibule = in_front_of(origin.address(), "request_timeout = \"700ms\"");
    let start = Instant::now();
    let mut slow = connect(vestibule.address("in"));
    slow.write_all(b"GET / HTTP/1.1\r\nHost")
        .expect("half a head");
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    let took = start.elapsed();
    assert!((500..9000).contains(&took.as_millis()), "{took:?}");
    let said = String::from_utf8_lossy(&rest);
    assert!(
        said.is_empty() || said.starts_with("HTTP/1.1 408 "),
        "{said}"
    );
}

#[test]
fn only_what_can_be_repeated_is_repeated() {
    // Takes a request on a kept connection and closes without an answer, every second time.
    let origin = HttpOrigin::start(|head, stream| {
        if head.contains("/die") {
            return false;
        }
        let body = read_body(head, stream);
        let _ = body;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .is_ok()
    });
    let vestibule = in_front_of(origin.address(), "retries = 1");
    let address = vestibule.address("in");
    let get = request(address, "GET /die HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(get.status(), 502);
    let mut seen = 0;
    while !origin.is_quiet() {
        seen += 1;
    }
    assert!((1..=2).contains(&seen), "{seen}");
    let post = request(
        address,
        "POST /die HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
    );
    assert_eq!(post.status(), 502);
    origin.head();
    thread::sleep(Duration::from_millis(200));
    assert!(origin.is_quiet(), "a POST is never repeated");
    // A kept connection that the server has closed meanwhile costs nobody anything.
    let mut kept = connect(address);
    for _ in 0..3 {
        kept.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .expect("a request");
        let told = answer(kept);
        assert_eq!(told.status(), 200);
        kept = told.stream;
        kept.read_exact(&mut [0; 2]).expect("ok");
    }
}

#[test]
fn servers_that_fail_are_told_apart() {
    let closed = ReservedPort::new();
    let down = in_front_of(closed.address(), "");
    let answer = request(down.address("in"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(answer.status(), 502);
    let silent = Origin::serve(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let slow = in_front_of(silent.address(), "response_timeout = \"300ms\"");
    let answer = request(slow.address("in"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(answer.status(), 504);
    // In the middle of the body: the client must not take it for the whole.
    let broken = HttpOrigin::start(|_, stream| {
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        false
    });
    let cut = in_front_of(broken.address(), "");
    let mut answer = request(cut.address("in"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(answer.status(), 200);
    let mut body = Vec::new();
    let _ = answer.stream.read_to_end(&mut body);
    let body = String::from_utf8_lossy(&body);
    assert!(
        body.contains("hello") && !body.ends_with("0\r\n\r\n"),
        "{body:?}"
    );
    let garbage = Origin::serve(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let odd = in_front_of(garbage.address(), "");
    let answer = request(odd.address("in"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(answer.status(), 502);
}

/// Slow heads, slow bodies, slow readers, while somebody else is at work.
#[test]
fn slow_clients_disturb_nobody() {
    let origin = HttpOrigin::start(|head, stream| {
        read_body(head, stream);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1 << 20);
        stream.write_all(head.as_bytes()).is_ok() && stream.write_all(&vec![b'x'; 1 << 20]).is_ok()
    });
    let echo = Origin::echo();
    let mut vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"web\"\n\
         [[listener]]\nname = \"echo\"\nbind = \"127.0.0.1:0\"\nservice = \"echo\"\n\
         [service.web]\nkind = \"http\"\nupstreams = [\"{}\"]\nrequest_timeout = \"2s\"\n\
         idle_timeout = \"3s\"\n\
         [service.echo]\nupstreams = [\"{}\"]\n",
        origin.address(),
        echo.address()
    ));
    let neighbour = Neighbour::at(vestibule.address("echo"));
    let before = vestibule.process().resident_memory();
    for attack in [
        vec!["-H", "-i", "1"],
        vec!["-B", "-i", "1", "-s", "8192"],
        vec!["-X", "-w", "64", "-y", "128", "-n", "1", "-z", "32"],
    ] {
        let output = Command::new("timeout")
            .args(["90", "slowhttptest", "-c", "200", "-r", "200", "-l", "6"])
            .args(&attack)
            .arg("-u")
            .arg(format!("http://{}/", vestibule.address("in")))
            .output()
            .expect("slowhttptest; `cargo xtask setup` gets it");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("Exit status"), "{attack:?}: {output:?}");
    }
    neighbour.assert_undisturbed();
    eventually("all of them to be gone", || {
        let shown = vestibule.ask(&["show", "connections"]);
        shown["connections"].as_array().expect("a list").is_empty()
    });
    let grown = vestibule.process().resident_memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes");
}
