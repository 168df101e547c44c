//! Pages that link to wheels.

use axle_index::{FindLinks, IndexError, Origin as _, Project};

use crate::server::{Reply, Request, Server};
use crate::{client, shown};

const HTML: &str = "text/html";

fn project(server: &Server, template: &str, variants: &[&str]) -> Result<Project, IndexError> {
    let template = format!("{}{template}", server.root());
    FindLinks::new(&client(), &template, variants.iter().copied()).unwrap().project(&"torch".parse().unwrap())
}

fn error(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> String {
    let server = Server::new(answer);
    server.hidden(&project(&server, "/whl/{variant}/{name}/", &["cpu", "cu128"]).unwrap_err().to_string())
}

/// As PyTorch's index writes a page.
fn pytorch_page(variant: &str) -> String {
    let hash = |digit: &str| digit.repeat(64);
    let root = format!(
        r#"<a href="/whl/torch-1.0.0-cp310-cp310-linux_x86_64.whl#sha256={}">torch</a><br/>"#,
        hash("c")
    );
    format!(
        r#"<!DOCTYPE html>
<html>
  <body>
    <h1>Links for torch</h1>
    {root}
    <a href="/whl/{variant}/torch-2.9.1%2B{variant}-cp312-cp312-manylinux_2_28_x86_64.whl#sha256={a}" data-dist-info-metadata="sha256={b}" data-core-metadata="sha256={b}">torch-2.9.1+{variant}-cp312-cp312-manylinux_2_28_x86_64.whl</a><br/>
    <a href="/whl/{variant}/torch-2.9.1-cp313-cp313-manylinux_2_28_aarch64.whl" data-requires-python="&gt;=3.10">torch-2.9.1</a><br/>
    <a href="/whl/{variant}/torchvision-0.24.0-cp312-cp312-linux_x86_64.whl">torchvision</a><br/>
  </body>
</html>
<!--TIMESTAMP 1763000000-->"#,
        a = hash("a"),
        b = hash("b"),
    )
}

#[test]
fn one_page_a_variant() {
    let server = Server::new(|request| match request.path.as_str() {
        "/whl/cpu/torch/" => Reply::ok(HTML, pytorch_page("cpu")),
        "/whl/cu128/torch/" => Reply::ok(HTML, pytorch_page("cu128")),
        "/whl/cu100/torch/" => Reply::status(403),
        _ => Reply::status(404),
    });
    let project =
        project(&server, "/whl/{variant}/{name}/", &["cu128", "cpu", "cu129", "cu100", "cpu"]).unwrap();
    insta::assert_snapshot!(server.hidden(&shown(&project)));
}

#[test]
fn any_page_of_the_web() {
    let server = Server::new(|_| {
        Reply::ok(
            "text/html; charset=utf-8",
            r##"<base href="https://files.example/a/"><nav><a href="mailto:me@example.org">mail</a> <a href="#top">top</a>
                <a href="http://[">broken</a> <a href="data:text/plain,x.whl">data</a><a>none</a></nav>
                <a href='cu118/torch-2.0.0%2Bcu118-cp310-cp310-linux_x86_64.whl'>cu118/torch-2.0.0%2Bcu118-cp310-cp310-linux_x86_64.whl</a>
                <A HREF="torch-2.0.0.zip#md5=00">sources</A>
                <a href="libtorch-2.0.0.zip">C++</a>
                <a href="torch-2.0-of-today.whl#egg=torch">a name that does not parse</a>
                <a href="https://user:secret@other.example/torch-2.0.1-cp310-cp310-linux_x86_64.whl?x=1#sha256=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&amp;egg=torch"><img src="x.png"></a>
                <a href="torch-2.0.1/">folder</a>"##,
        )
    });
    let project = project(&server, "/torch_stable.html", &[]).unwrap();
    insta::assert_snapshot!(shown(&project));
}

#[test]
fn a_file_without_a_folder_has_the_variant_of_its_page() {
    let server = Server::new(|request| {
        let cuda = request.path.trim_start_matches('/').trim_end_matches(".html").to_owned();
        Reply::ok(
            HTML,
            format!(
                r#"<a href="https://files.example/{cuda}x/torch-2.0-cp310-cp310-linux_x86_64.whl">x</a>
                   <a href="https://files.example/torch-2.0-py3-none-any.whl">x</a>"#
            ),
        )
    });
    let project = project(&server, "/{variant}.html", &["cu118", "cu128"]).unwrap();
    let variants: Vec<_> = project.files.iter().map(|file| file.variant.as_deref()).collect();
    assert_eq!(variants, [Some("cu118"), Some("cu128"), None]);
}

#[test]
fn a_page_that_moved_is_read_where_it_is() {
    let server = Server::new(|request| match request.path.as_str() {
        "/new/page.html" => Reply::ok(HTML, r#"<a href="torch-2.0-py3-none-any.whl">x</a>"#),
        _ => Reply::status(302).with("Location", "/new/page.html"),
    });
    let project = project(&server, "/old.html", &[]).unwrap();
    assert_eq!(project.files[0].url.path(), "/new/torch-2.0-py3-none-any.whl");
}

#[test]
fn bad_answers_are_told_apart() {
    let link = |href: &str| Reply::ok(HTML, format!(r#"<a href="{href}">x</a>"#));
    let mut messages = vec![
        ("none of the variants", error(|_| Reply::status(404))),
        ("no entry", error(|_| Reply::status(403))),
        ("broken", error(|_| Reply::status(500))),
        ("no HTML", error(|_| Reply::ok(HTML, "out of order"))),
        ("another kind", error(|_| Reply::ok("image/png", "PNG"))),
        ("others only", error(move |_| link("torchvision-0.1-py3-none-any.whl"))),
        ("a short hash", error(move |_| link("torch-1.0-py3-none-any.whl#sha256=aa"))),
        ("hidden folders", error(move |_| link("torch-1.0%2F..%2F..%2Fevil.whl"))),
        ("a name that moves the cursor", error(move |_| link("torch-%1B[2J.whl"))),
        (
            "two hashes",
            error(move |request| {
                let hash = if request.path.contains("cpu") { "a" } else { "b" }.repeat(64);
                link(&format!("/whl/torch-1.0-py3-none-any.whl#sha256={hash}"))
            }),
        ),
        (
            "one variant is broken",
            error(move |request| {
                if request.path.contains("cpu") {
                    link("torch-1.0-py3-none-any.whl")
                } else {
                    Reply::status(502)
                }
            }),
        ),
        ("cut short", error(move |_| Reply { cut: Some(3), ..link("torch-1.0-py3-none-any.whl") })),
    ];
    for (template, variants) in [
        ("https://user:secret@example.org/{variant}/", vec![]),
        ("https://example.org/", vec!["cpu"]),
        ("https://example.org/{variant}/", vec!["../cpu"]),
        ("https://example.org/{variant}/", vec![""]),
        ("ftp://example.org/", vec![]),
        ("/srv/wheels", vec![]),
    ] {
        messages.push(("template", FindLinks::new(&client(), template, variants).unwrap_err().to_string()));
    }
    let lines: Vec<String> = messages.iter().map(|(name, message)| format!("{name}: {message}")).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
