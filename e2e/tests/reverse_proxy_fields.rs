//! Services of kind `http`: fields and trailers that must not reach a server, and those that must.

use std::io::{Read, Write};
use std::net::SocketAddr;

use vestibule_e2e::{HttpOrigin, Vestibule, field, request};

fn in_front_of(origin: SocketAddr, keys: &str) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"web\"\n\
         [service.web]\nkind = \"http\"\nupstreams = [\"{origin}\"]\n{keys}\n"
    ))
}

#[test]
fn no_name_that_a_program_reads_alike_passes() {
    let origin = HttpOrigin::saying("ok");
    for (keys, is_trusted) in [("", false), ("trusted_proxies = [\"127.0.0.1\"]", true)] {
        let vestibule = in_front_of(origin.address(), keys);
        let head = "GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Host: 6.6.6.6\r\n\
                    Content_Length: 666\r\nTransfer_Encoding: 666\r\nProxy: 6.6.6.6\r\nRemote-User: root\r\n\
                    X_Custom: kept\r\n\r\n";
        let answer = request(vestibule.address("in"), head);
        assert_eq!(answer.status(), 200);
        let head = origin.head();
        assert!(!head.contains("666") && !head.contains("6.6.6.6"), "{head}");
        assert_eq!(field(&head, "X_Custom"), Some("kept"));
        assert_eq!(field(&head, "Remote-User").is_some(), is_trusted);
    }
}

#[test]
fn trailers_are_carried_and_cleaned_both_ways() {
    let origin = HttpOrigin::start(|_, stream| {
        let mut body = Vec::new();
        let mut byte = [0];
        while !body.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
            body.push(byte[0]);
        }
        let seen = String::from_utf8_lossy(&body).to_ascii_lowercase();
        let is_good = seen == "3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n";
        let status = if is_good { "200 Good" } else { "500 Bad" };
        let answer = format!(
            "HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\
             Trailer: X-Sum, Set-Cookie, Content-Length\r\n\r\n\
             2\r\nok\r\n0\r\nX-Sum: 2\r\nSet-Cookie: a=b\r\nContent-Length: 9\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).is_ok()
    });
    let vestibule = in_front_of(origin.address(), "");
    let mut got = request(
        vestibule.address("in"),
        "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\
         Trailer: X-Sum, X-Forwarded-For, X_Real_IP, Content-Length\r\n\r\n\
         3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Forwarded-For: 6.6.6.6\r\nX_Real_IP: 6.6.6.6\r\n\
         Content-Length: 9\r\n\r\n",
    );
    assert_eq!(got.status(), 200, "{}", got.head);
    let mut body = Vec::new();
    let mut byte = [0];
    while !body.ends_with(b"\r\n\r\n") {
        got.stream.read_exact(&mut byte).expect("trailers");
        body.push(byte[0]);
    }
    let body = String::from_utf8_lossy(&body).to_ascii_lowercase();
    assert_eq!(body, "2\r\nok\r\n0\r\nx-sum: 2\r\n\r\n");
}

#[test]
fn servers_switch_to_what_was_offered_only() {
    for (protocol, status) in [("websocket", 101), ("other", 502)] {
        let origin = HttpOrigin::start(move |_, stream| {
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: {protocol}\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).is_ok()
        });
        let vestibule = in_front_of(origin.address(), "");
        let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n";
        assert_eq!(request(vestibule.address("in"), head).status(), status);
    }
}

#[test]
fn a_length_cannot_be_hidden() {
    let origin = HttpOrigin::saying("ok");
    let vestibule = in_front_of(origin.address(), "");
    // The second head begins before the first is answered, and has its length there.
    let mut got = request(
        vestibule.address("in"),
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nX: ",
    );
    assert_eq!(got.status(), 200);
    got.stream.read_exact(&mut [0; 2]).expect("a body");
    let rest = "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    got.stream.write_all(rest.as_bytes()).expect("a connection");
    assert_eq!(vestibule_e2e::answer(got.stream).status(), 400);
    origin.head();
    assert!(origin.is_quiet());
}
