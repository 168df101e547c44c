//! The page as a person meets it: in a browser, from a file, by mouse and by keyboard.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot run has failed")]

mod browser;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use axle_catalogue::{Catalogue, Folder};
use axle_plan::Lookup;
use axle_provision::nix;
use axle_site::questions::questions;
use axle_solve::CatalogueSolver;
use axle_types::{CudaRelease, CudaTarget};
use browser::{DESKTOP, Look, PHONE, Page};
use data_encoding::BASE64;
use flate2::read::GzDecoder;
use serde_json::Value;

/// Every view, and what it can be made to show.
const VIEWS: [&str; 9] = [
    "#finder",
    "#finder?python=3.12&cuda=any",
    "#finder?gpu=GTX+1080&python=3.11&cuda=12.8&p=torch",
    "#atlas",
    "#atlas/bitsandbytes?cuda=12.8",
    "#atlas/flash-attn?system=aarch64-linux",
    "#matrix",
    "#matrix?python=3.11&cuda=12.8&cell=x86_64-linux+3.11+12.8+2.10.0&of=vllm",
    "#toolkits",
];

/// axe-core, as a wheel that holds it.
const AXE: &str = "axe-playwright-python==0.1.8";

/// The site, built once.
static SITE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = root().join("target/site-tests");
    let mut site = Command::new(env!("CARGO_BIN_EXE_axle-site"));
    run(site.current_dir(root()).arg("--output").arg(&folder));
    folder
});

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

static COMMAND_LINE: LazyLock<PathBuf> = LazyLock::new(|| nix::command_line(&root()).unwrap());

/// What the command line answers, a plan or a refusal.
fn axle(arguments: &[&str]) -> Value {
    let mut axle = Command::new(&*COMMAND_LINE);
    let output = axle.arg("concretise").args(arguments).args(["--format", "json"]).output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// A shard, read as the page reads it.
fn shard(name: &str) -> Value {
    let script = fs_err::read_to_string(SITE.join(format!("data/{name}.js"))).unwrap();
    let text = script.split('"').nth_back(1).unwrap();
    serde_json::from_reader(GzDecoder::new(&*BASE64.decode(text.as_bytes()).unwrap())).unwrap()
}

/// The answer that the page shows: package to version, or the reasons.
fn shown(page: &mut Page) -> Value {
    page.settle();
    page.eval(
        "(() => {
           const rows = [...document.querySelectorAll('.answer .rows tbody tr:not(.why)')];
           const text = (element) => element?.textContent.trim() ?? '';
           return {
             packages: Object.fromEntries(rows.map((row) => [row.cells[0].firstChild.textContent, text(row.querySelector('.version'))])),
             kinds: Object.fromEntries(rows.map((row) => [row.cells[0].firstChild.textContent, text(row.cells[1])])),
             reasons: [...document.querySelectorAll('.answer .reasons li')].map((one) => one.childNodes[2].textContent),
             suggestions: [...document.querySelectorAll('.answer .suggestion')].map((one) => one.firstChild.textContent),
           };
         })()",
    )
}

/// What [`shown`] must be for what the command line answers.
fn expected(answer: &Value) -> Value {
    let (mut packages, mut kinds) = (BTreeMap::new(), BTreeMap::new());
    for (name, package) in answer["packages"].as_object().into_iter().flatten() {
        packages.insert(name, &package["version"]);
        kinds.insert(name, if package["build"]["kind"] == "source" { "compiled" } else { "wheel" });
    }
    // The page leaves out the codes of rules.
    let sentence = |text: &str| match text.split_once(": ") {
        Some((rule, sentence)) if rule.starts_with("AX") => sentence.to_owned(),
        _ => text.to_owned(),
    };
    let all = |list: &str, field: &str| {
        let texts = answer[list].as_array().into_iter().flatten().filter_map(|one| one[field].as_str());
        texts.map(sentence).collect::<Vec<_>>()
    };
    serde_json::json!({
        "packages": packages,
        "kinds": kinds,
        "reasons": all("reasons", "message"),
        "suggestions": all("suggestions", "change"),
    })
}

#[test]
#[ignore = "drives Chromium"]
fn a_question_asked_by_mouse_is_answered_as_by_the_command_line() {
    let mut page = Page::new();
    page.open(&SITE, "");
    let option = |text: &str| {
        format!(
            "[...document.querySelectorAll('[role=option]')].find((one) => one.firstChild.textContent === '{text}')"
        )
    };
    let radio = |name: &str, value: &str| {
        format!("document.querySelector('input[name={name}][value=\"{value}\"]').parentElement")
    };
    page.click("document.querySelector('[data-action=clear]')");
    page.click("document.querySelector('[data-field=gpus] input[role=combobox]')");
    page.enter("4090");
    page.click(&option("RTX 4090"));
    page.click(&radio("python", "3.11"));
    page.click(&radio("cuda", "12.8"));
    for name in ["torch", "xformers"] {
        page.click("document.querySelector('[data-field=packages] input[role=combobox]')");
        page.enter(name);
        page.click(&option(name));
    }
    let plan = axle(&["--python", "3.11", "--cuda", "12.8", "--gpu", "RTX 4090", "torch", "xformers"]);
    assert_eq!(plan["schema"], "axle.plan/1");
    assert_eq!(shown(&mut page), expected(&plan));

    // Without a GPU, by one click more.
    page.click("document.querySelector('[data-field=gpus] input[type=checkbox]')");
    let plan = axle(&["--python", "3.11", "--cpu", "torch", "xformers"]);
    page.wait_for("location.hash.includes('cuda=cpu')");
    assert_eq!(shown(&mut page), expected(&plan));
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
#[ignore = "drives Chromium"]
fn a_question_asked_by_keyboard_is_refused_as_by_the_command_line_and_changed_by_a_suggestion() {
    let mut page = Page::new();
    page.open(&SITE, "#finder?python=3.11&cuda=12.8");
    let focused =
        "document.activeElement.closest('[data-field]')?.dataset.field ?? document.activeElement.className";
    let tab_to = |page: &mut Page, wanted: &str| {
        for _ in 0..80 {
            if page.text(focused) == wanted {
                return;
            }
            page.press("Tab");
        }
        panic!("the tab key never comes to {wanted}");
    };
    tab_to(&mut page, "gpus");
    page.enter("gtx 1080");
    page.press("Enter");
    tab_to(&mut page, "packages");
    page.enter("torch");
    page.press("ArrowDown");
    page.press("ArrowUp");
    page.press("Enter");
    let question = ["--python", "3.11", "--cuda", "12.8", "--gpu", "GTX 1080", "torch"];
    let refusal = axle(&question);
    assert_eq!(refusal["schema"], "axle.refusal/1");
    page.wait_for("location.hash.includes('p=torch')");
    assert_eq!(shown(&mut page), expected(&refusal));

    tab_to(&mut page, "suggestion");
    let command = refusal["suggestions"][0]["command"].as_str().unwrap().to_owned();
    let before = page.text("location.hash");
    page.press("Enter");
    page.wait_for(&format!("location.hash !== {}", serde_json::json!(before)));
    let words: Vec<&str> = command.split(' ').skip(2).collect();
    assert_eq!(shown(&mut page), expected(&axle(&words)));
    // And back to what was asked.
    page.eval("history.back()");
    page.wait_for(&format!("location.hash === {}", serde_json::json!(before)));
    page.wait_for("document.querySelector('.answer .reasons') !== null");
    assert_eq!(shown(&mut page), expected(&refusal));
    // The last package is taken away by the key that takes away letters.
    tab_to(&mut page, "packages");
    page.eval("document.querySelector('[data-field=packages] input').focus()");
    page.press("Backspace");
    page.wait_for("!location.hash.includes('p=')");
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
#[ignore = "drives Chromium"]
fn tabs_and_squares_are_gone_through_by_arrow_keys() {
    let mut page = Page::new();
    page.open(&SITE, "#finder?gpu=8.6&python=3.12&cuda=any&p=torch");
    let selected = "document.querySelector('.by-cuda [role=tab][aria-selected=true]')";
    page.eval(&format!("{selected}.focus()"));
    let first = page.text(&format!("{selected}.textContent"));
    page.press("ArrowRight");
    let second = page.text(&format!("{selected}.textContent"));
    assert_ne!(first, second);
    assert_eq!(page.eval(&format!("{selected} === document.activeElement")), true);
    page.wait_for("location.hash.includes('show=')");
    let address = page.text("location.hash");
    page.open(&SITE, &address);
    assert_eq!(page.text(&format!("{selected}.textContent")), second);

    page.open(&SITE, "#matrix?cuda=12.8");
    page.eval("document.querySelector('.cells .square[tabindex=\"0\"]').focus()");
    page.press("ArrowRight");
    page.press("ArrowDown");
    page.press("Enter");
    page.wait_for("location.hash.includes('of=')");
    page.wait_for("document.querySelector('.cell-detail dl') !== null");
    let label = page.text("document.activeElement.getAttribute('aria-label')");
    assert!(label.starts_with("torchvision, torch 2.10.0, CUDA 12.8, Python 3.12: "), "{label}");
}

#[test]
#[ignore = "drives Chromium"]
fn every_state_has_an_address() {
    let mut page = Page::new();
    let text = "document.querySelector('main > section:not([hidden])').innerText";
    for view in VIEWS {
        // The way there from another view, and afresh, show the same.
        page.open(&SITE, if view.starts_with("#toolkits") { "#atlas" } else { "#toolkits" });
        page.eval(&format!("location.hash = {}", serde_json::json!(view)));
        page.wait_for(&format!(
            "document.querySelector('{}').hidden === false",
            view.split(['?', '/']).next().unwrap()
        ));
        page.settle();
        page.wait_for("!document.querySelector('.cell-detail') || document.querySelector('.cell-detail').childElementCount > 0");
        let there = page.text(text);
        page.eval("history.back()");
        page.wait_for(&format!("location.hash !== {}", serde_json::json!(view)));
        page.settle();
        assert_ne!(page.text(text), there, "{view}");
        page.open(&SITE, view);
        page.wait_for("!document.querySelector('.cell-detail') || document.querySelector('.cell-detail').childElementCount > 0");
        assert_eq!(page.text(text), there, "{view}");
        assert!(there.len() > 100, "{view}: {there}");
    }
    // An address that somebody has spoilt is shown as something, too.
    for address in [
        "#nonsense",
        "#__proto__",
        "#constructor/prototype",
        "#atlas/__proto__",
        "#atlas/%3Cimg%20src%3Dx%20onerror%3D%22spoilt%3D1%22%3E",
        "#finder?p=__proto__&p=%3Cscript%3Espoilt%3D1%3C/script%3E&gpu=%E2%80%AEx",
        "#atlas/%E0%A4%A",
        "#atlas/no-such-package",
        "#finder?p=%00&gpu=x",
        "#matrix?cell=1&of=2",
    ] {
        page.open(&SITE, address);
        assert_eq!(page.text("typeof spoilt"), "undefined", "{address}");
    }
    assert_eq!(page.complaints, Vec::<String>::new());
    // Should a text become an element all the same, its script is not run.
    page.eval("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"spoilt = 1\">')");
    page.eval("document.body.append(Object.assign(document.createElement('script'), { textContent: 'spoilt = 1' }))");
    page.wait_for("document.images.length === 0 || [...document.images].every((image) => image.complete)");
    assert_eq!(page.text("typeof spoilt"), "undefined");
}

#[test]
#[ignore = "drives Chromium"]
fn nothing_is_asked_of_a_network_and_little_is_loaded_first() {
    let mut page = Page::new();
    page.open(&SITE, "");
    assert!(!shown(&mut page)["packages"].as_object().unwrap().is_empty(), "the example is not answered");
    let first: u64 = page.requests.values().sum();
    assert!((100_000..3_000_000).contains(&first), "{first} bytes: {:#?}", page.requests);
    for view in VIEWS {
        page.open(&SITE, view);
    }
    let elsewhere = |page: &Page| -> BTreeSet<String> {
        let own = |url: &&String| {
            ["file:", "data:", "blob:", "about:"].iter().any(|scheme| url.starts_with(scheme))
        };
        page.requests.keys().filter(|url| !own(url)).cloned().collect()
    };
    assert_eq!(elsewhere(&page), BTreeSet::new());
    assert_eq!(page.complaints, Vec::<String>::new());
    // That is only worth something if it would be heard.
    page.eval("new Promise((done) => { const image = new Image(); image.onerror = done; image.src = 'http://127.0.0.1:9/x'; })");
    page.eval("console.error('heard'), void setTimeout(() => { throw new Error('thrown'); })");
    page.wait_for("true");
    std::thread::sleep(std::time::Duration::from_millis(200));
    page.eval("1");
    assert!(elsewhere(&page).contains("http://127.0.0.1:9/x"));
    let complaints = page.complaints.join("\n");
    assert!(complaints.contains("heard") && complaints.contains("thrown"), "{complaints}");
}

#[test]
#[ignore = "drives Chromium"]
fn a_phone_shows_all_of_it_in_light_and_dark() {
    let mut page = Page::new();
    let wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    let brightness = "(() => {
        const probe = document.createElement('canvas').getContext('2d');
        probe.fillStyle = getComputedStyle(document.body).backgroundColor;
        probe.fillRect(0, 0, 1, 1);
        return probe.getImageData(0, 0, 1, 1).data[1];
    })()";
    for dark in [false, true] {
        page.look(Look { dark, ..PHONE });
        for view in VIEWS {
            page.open(&SITE, view);
            assert_eq!(page.eval(wider), 0, "{view} is wider than a phone");
            let bright = page.eval(brightness).as_u64().unwrap();
            assert_eq!(bright < 60, dark, "{view}: {bright}");
        }
    }
    page.eval("document.querySelector('main').append(Object.assign(document.createElement('pre'), {textContent: 'x'.repeat(999)}))");
    page.eval("document.querySelector('main > pre').style.overflow = 'visible'");
    assert_ne!(page.eval(wider), 0, "what is wider would not be noticed");
}

/// axe-core's script.
fn axe() -> String {
    let version = AXE.rsplit('=').next().unwrap();
    let folder = axle_provision::debian::cache().unwrap().join(format!("axe-{version}"));
    let script = folder.join("axe_playwright_python/axe.min.js");
    if !script.exists() {
        let work = tempfile::tempdir().unwrap();
        run(Command::new("python3").args(["-m", "venv"]).arg(work.path().join("venv")));
        run(Command::new(work.path().join("venv/bin/python"))
            .args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"])
            .arg(work.path().join("wheel"))
            .arg(AXE));
        let wheel = fs_err::read_dir(work.path().join("wheel")).unwrap().next().unwrap().unwrap().path();
        run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(&folder));
    }
    fs_err::read_to_string(script).unwrap()
}

#[test]
#[ignore = "drives Chromium, and fetches axe-core"]
fn who_reads_by_ear_or_with_little_contrast_is_served() {
    let axe = axe();
    let mut page = Page::new();
    let violations = |page: &mut Page| {
        page.eval(&format!("{axe}; void 0"));
        page.text(
            "axe.run({preload: false, resultTypes: ['violations']}).then(({violations, passes}) => {
               if (passes.length < 10) throw new Error('nothing was looked at');
               return violations.map(({id, nodes}) => `${id}: ${nodes.length}, as ${nodes[0].html.slice(0, 200)}`).join('\\n');
             })",
        )
    };
    for look in [DESKTOP, PHONE, Look { dark: true, ..DESKTOP }, Look { dark: true, ..PHONE }] {
        page.look(look);
        for view in VIEWS {
            page.open(&SITE, view);
            page.eval("[...document.querySelectorAll('main > section:not([hidden]) details')].slice(0, 3).forEach((one) => (one.open = true))");
            assert_eq!(violations(&mut page), "", "{view} {look:?}");
        }
    }
    page.eval("document.querySelector('main').append(new Image(9, 9))");
    assert!(violations(&mut page).contains("image-alt"), "an image without a text would not be noticed");
    // The very colour of the ground would be taken for hidden on purpose.
    page.eval(
        "document.querySelector('main > section:not([hidden]) h1').style = 'color: #555; background: #666'",
    );
    assert!(
        violations(&mut page).contains("color-contrast"),
        "a text that hardly anybody sees would not be noticed"
    );
}

#[test]
#[ignore = "builds the site"]
fn the_atlas_covers_what_cells_say() {
    let catalogue = Catalogue::new(Folder::new(root().join("catalogue")));
    let matrix = catalogue.matrix().unwrap();
    let mut atlases: BTreeMap<String, Value> = BTreeMap::new();
    let mut compared = 0;
    for (system, python, cuda) in matrix.targets().filter(|(.., cuda)| *cuda != CudaTarget::Cpu) {
        let Some(file) = catalogue.cells(system, python, cuda).unwrap() else { continue };
        let packages = file.torch.values().flat_map(|cell| &cell.packages);
        for (name, wheel) in packages.filter_map(|(name, package)| Some((name, package.wheel.as_ref()?))) {
            let atlas = atlases.entry(name.clone()).or_insert_with(|| shard(&format!("atlas/{name}")));
            let rows =
                atlas["versions"].as_array().unwrap().iter().flat_map(|one| one["rows"].as_array().unwrap());
            let has = |list: &Value, value: &str| list.as_array().unwrap().iter().any(|one| *one == value);
            let of_wheel = |row: &&Value| {
                row["files"].as_array().unwrap().iter().any(|one| one["filename"] == wheel.filename)
                    && has(&row["cudas"], &cuda.to_string())
                    && row["system"] == system.to_string()
            };
            let covers: BTreeSet<String> = rows
                .filter(of_wheel)
                .map(|row| row["covers"].as_str().unwrap_or_default())
                .map(|letters| {
                    let covered = letters
                        .chars()
                        .zip(&file.capabilities)
                        .filter(|(letter, _)| "spm.".contains(*letter));
                    covered.map(|(_, cc)| cc.to_string()).collect::<Vec<_>>().join(" ")
                })
                .collect();
            let told: Vec<String> = wheel.covers.iter().map(ToString::to_string).collect();
            assert!(
                covers.contains(&told.join(" ")),
                "{} with CUDA {cuda}: {covers:?}, and the cell {told:?}",
                wheel.filename
            );
            compared += 1;
        }
    }
    assert!(compared > 5000, "only {compared} wheels of cells were compared");
}

#[test]
#[ignore = "drives Chromium"]
fn every_hole_of_the_matrix_tells_its_reason() {
    let catalogue = Catalogue::new(Folder::new(root().join("catalogue")));
    let file = catalogue
        .cells(
            "x86_64-linux".parse().unwrap(),
            "3.12".parse().unwrap(),
            CudaTarget::Release(CudaRelease::new(12, 8)),
        )
        .unwrap()
        .unwrap();
    let mut page = Page::new();
    page.open(&SITE, "#matrix?cuda=12.8");
    let squares = page.eval("document.querySelectorAll('.cells .square').length").as_u64().unwrap();
    let packages = catalogue.matrix().unwrap().order.concat().len();
    assert_eq!(squares, (packages * file.order.len()) as u64);
    let absent: Vec<(&String, &String, String)> = file
        .order
        .iter()
        .flat_map(|torch| {
            file.torch[torch].absent.iter().map(move |(name, absence)| (torch, name, absence.about(name)))
        })
        .collect();
    let holes = page.eval("document.querySelectorAll('.cells .square.absent').length").as_u64().unwrap();
    assert_eq!(holes, absent.len() as u64);
    assert!(holes > 10, "there are only {holes}");
    for (torch, name, message) in absent {
        page.click(&format!(
            "document.querySelector('.cells .square[aria-label^=\"{name}, torch {torch}, \"]')"
        ));
        page.wait_for(&format!("document.querySelector('.cell-detail h2')?.textContent === '{name}'"));
        page.wait_for(&format!(
            "document.querySelector('.cell-detail p').textContent === {}",
            serde_json::json!(message)
        ));
    }
    assert_eq!(page.complaints, Vec::<String>::new());
}

/// Enough that what there is of answers comes up.
const QUESTIONS: usize = 1000;

#[test]
#[ignore = "drives Chromium"]
fn a_thousand_questions_are_answered_as_by_the_program() {
    let catalogue = Catalogue::new(Folder::new(root().join("catalogue")));
    let solver = CatalogueSolver::default();
    let lookup = Lookup::new(&catalogue).unwrap().with_solver(&solver);
    let questions = questions(&catalogue, 8, QUESTIONS).unwrap();
    let mut page = Page::new();
    page.open(&SITE, "#toolkits");
    let mut counts = [0; 3];
    for some in questions.chunks(20) {
        let asked = serde_json::to_string(some).unwrap();
        let told = page.eval(&format!(
            "(async () => {{
               const told = [];
               for (const question of {asked}) told.push(await axle.answer(question));
               return told;
             }})()"
        ));
        for (question, told) in some.iter().zip(told.as_array().unwrap()) {
            let answer = axle_web::ask(&catalogue, &lookup, &question.to_string());
            assert_eq!(told.as_str(), Some(&*answer), "{question}");
            let answer: Value = serde_json::from_str(&answer).unwrap();
            for answer in answer["answers"].as_array().into_iter().flatten() {
                counts[usize::from(answer["plan"].is_null())] += 1;
            }
            counts[2] += usize::from(answer["error"].is_string());
        }
    }
    let [plans, refusals, errors] = counts;
    println!("{plans} plans, {refusals} refusals, {errors} errors");
    assert!(plans >= QUESTIONS / 4 && refusals >= QUESTIONS / 4, "{plans} plans, {refusals} refusals");
    assert!((1..=QUESTIONS / 5).contains(&errors), "{errors} errors");
    assert_eq!(page.complaints, Vec::<String>::new());
}
