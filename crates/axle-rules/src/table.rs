//! The table: every rule, with everything that is documented about it.
//!
//! Texts are Markdown: whole sentences, except `title`, which is a fragment without a full stop. Examples are excerpts
//! of what axle prints, with `…` for what is left out.

use crate::Severity;

macro_rules! rules {
    ($($variant:ident {
        code: $code:literal,
        name: $name:literal,
        severity: $severity:ident,
        title: $title:literal,
        what: $what:literal,
        why: $why:literal,
        example: $example:literal,
        fix: $fix:literal,
        source: $source:literal,
        since: $since:literal,
    })*) => {
        /// A rule: something that axle checks, and reports under a stable code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $(
                #[doc = concat!($code, " `", $name, "`: ", $title, ".")]
                $variant,
            )*
        }

        impl Rule {
            /// All rules, by code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code: `AX201`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The name: `gcc-too-new`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The worst severity that it is reported with. All findings of one rule have this severity; verdicts may
            /// have a lower one.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// What it reports, in a few words without a full stop.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What it does.
            pub const fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }

            /// Why what it reports is bad.
            pub const fn why(self) -> &'static str {
                match self { $(Self::$variant => $why,)* }
            }

            /// An excerpt of what axle prints, in a code block.
            pub const fn example(self) -> &'static str {
                match self { $(Self::$variant => $example,)* }
            }

            /// What to do.
            pub const fn fix(self) -> &'static str {
                match self { $(Self::$variant => $fix,)* }
            }

            /// How its facts are known: files, standards, documents of NVIDIA.
            pub const fn source(self) -> &'static str {
                match self { $(Self::$variant => $source,)* }
            }

            /// The version of axle that has it first.
            pub const fn since(self) -> &'static str {
                match self { $(Self::$variant => $since,)* }
            }
        }
    };
}

rules! {
    Glibc {
        code: "AX101",
        name: "glibc-newer-than-tag",
        severity: Error,
        title: "Platform tag claims an older glibc than a member needs",
        what: "Compares the glibc symbol versions that each ELF member needs with the glibc of the wheel's \
            platform tag. A tag such as `manylinux_2_17` promises that the wheel works with glibc 2.17 and \
            newer (PEP 600). If the wheel has several such tags, the oldest one counts.",
        why: "Installers trust the tag: pip installs the wheel on machines with an older glibc, where the \
            dynamic linker refuses to load the member because a symbol version such as `GLIBC_2.28` is \
            missing.",
        example: r"```text
$ axle audit x-1.0-cp312-cp312-manylinux_2_17_x86_64.whl
…
platform   manylinux_2_28_x86_64, not as the name says
…
code   severity  finding
AX101  error     _C.so: it needs GLIBC_2.28 of libc.so.6, but the tag is manylinux_2_17_x86_64
```",
        fix: "Give the wheel the tag that axle prints as `platform` (`platform.should_be` in JSON), for \
            example with `wheel tags --platform-tag manylinux_2_28_x86_64`. To keep the tag, build the \
            member on a system with the promised glibc, such as the container image of that manylinux \
            version.",
        source: "The symbol versions in the member's `.gnu.version_r` section; PEP 600 for the meaning of \
            the tag.",
        since: "0.1.0",
    }
    SystemLibrary {
        code: "AX102",
        name: "system-library-newer-than-tag",
        severity: Error,
        title: "Platform tag claims older system libraries than a member needs",
        what: "Compares the symbol versions that each ELF member needs of the other system libraries with \
            those that the platform tag allows. Besides glibc, a manylinux tag fixes the newest `GLIBCXX`, \
            `CXXABI`, `GCC`, `LIBATOMIC` and `ZLIB` symbol versions, by the policies of auditwheel. Private \
            versions such as `GLIBC_PRIVATE`, which no policy allows, are reported too.",
        why: "On a machine that the tag allows, the member may fail to load, unless another package has \
            loaded a newer library first. Symbols of `GLIBC_PRIVATE` change between glibc releases without \
            notice.",
        example: r"```text
$ axle audit x-1.0-cp312-cp312-manylinux_2_17_x86_64.whl
…
code   severity  finding
AX102  error     _C.so: it needs GLIBCXX_3.4.29 of libstdc++.so.6, but the tag is manylinux_2_17_x86_64
```",
        fix: "Build with the compilers of the tag's manylinux container image, bundle the library with \
            `auditwheel repair`, or give the wheel the tag that axle prints as `platform`.",
        source: "The member's `.gnu.version_r` section, compared with the policies of auditwheel 6.8.2 \
            (`crates/axle-audit/data/manylinux.txt`).",
        since: "0.1.0",
    }
    Tags {
        code: "AX103",
        name: "wheel-tag-mismatch",
        severity: Warning,
        title: "WHEEL lists other tags than the file name",
        what: "Compares the `Tag` fields of the wheel's `WHEEL` file with the tags of its file name, after \
            expanding both: `py2.py3-none-any` stands for two tags. A `WHEEL` file that is missing or cannot \
            be read is reported under this code too.",
        why: "The binary distribution format requires them to be the same. Where they differ, the file was \
            renamed, usually to change its platform tag. Installers look at the file name; tools that look \
            inside get another answer.",
        example: r"```text
$ axle audit x-1.0-cp312-cp312-manylinux_2_17_x86_64.whl
…
code   severity  finding
AX103  warning   only WHEEL has cp312-cp312-linux_x86_64; only the file name has cp312-cp312-manylinux_2_17_x86_64
```",
        fix: "Change tags with `wheel tags` or `auditwheel repair`, which update `WHEEL` and `RECORD`, \
            instead of renaming the file.",
        source: "`WHEEL` and the file name, as PEP 427 defines them; PEP 425 for sets of tags.",
        since: "0.1.0",
    }
    Identity {
        code: "AX104",
        name: "metadata-mismatch",
        severity: Error,
        title: "METADATA names another package or version than the file name",
        what: "Compares `Name` and `Version` in `METADATA` with the file name, both normalized. For an \
            unpacked or installed wheel, the name of its `.dist-info` directory takes the place of the file \
            name.",
        why: "Installers refuse such a wheel, or install it under a name that nobody asked for.",
        example: r"```text
$ axle audit y-1-py3-none-any.whl
…
code   severity  finding
AX104  error     METADATA says x 1, but the file name says y 1
```",
        fix: "Build the wheel again under the intended name and version. Renaming the file changes neither.",
        source: "`METADATA` (core metadata specification) and the file name (PEP 427).",
        since: "0.1.0",
    }
    LeakedPath {
        code: "AX105",
        name: "leaked-search-path",
        severity: Warning,
        title: "Search path names a directory of the build machine",
        what: "Reports absolute paths in `DT_RPATH` and `DT_RUNPATH`. Paths that begin with `$ORIGIN` are \
            fine, and so are directories that mean the same on every machine: `/lib`, `/usr/lib`, \
            `/usr/local/lib`, the same with `lib64`, everything below these, `/usr/local/cuda` and \
            `/opt/rocm` (with or without a version).",
        why: "The directory is of no use on another machine, and anyone who can write there can have their \
            own library loaded.",
        example: r"```text
$ axle audit x-1.0-cp312-cp312-manylinux_2_17_x86_64.whl
…
code   severity  finding
AX105  warning   _C.so: DT_RPATH contains `/home/me/lib`
```",
        fix: "Remove the path with `patchelf --remove-rpath`, or replace it with one that begins with \
            `$ORIGIN`: `patchelf --set-rpath '$ORIGIN/../lib'`.",
        source: "The member's dynamic section; ld.so(8) for the meaning of its search paths.",
        since: "0.1.0",
    }
    RelativePath {
        code: "AX106",
        name: "relative-search-path",
        severity: Warning,
        title: "Search path depends on the current directory",
        what: "Reports elements of `DT_RPATH` and `DT_RUNPATH` that are empty or relative. Elements that \
            begin with `$ORIGIN` are neither.",
        why: "The dynamic linker resolves such an element against the current directory of the process. A \
            library that happens to be in the directory in which the program is started is loaded instead of \
            the intended one.",
        example: r"```text
$ axle audit x-1.0-cp312-cp312-manylinux_2_17_x86_64.whl
…
code   severity  finding
AX106  warning   _C.so: DT_RUNPATH contains `lib`
```",
        fix: "Write the path relative to the file: `patchelf --set-rpath '$ORIGIN/lib'`. An empty element \
            often comes from a superfluous colon in a linker option, as in `-Wl,-rpath,$ORIGIN:`.",
        source: "The member's dynamic section; ld.so(8) for the meaning of its search paths.",
        since: "0.1.0",
    }
    DoubleLibrary {
        code: "AX107",
        name: "bundled-and-external-library",
        severity: Warning,
        title: "Library is bundled and also needed from outside",
        what: "Reports libraries of which the wheel contains a copy under a name of its own, while a member \
            needs the same library from outside the wheel. Names are compared without the hash that \
            auditwheel and similar tools add, and by major version: `libgomp-24e2ab19.so.1.0.0` is a copy of \
            `libgomp.so.1`.",
        why: "Both copies are loaded into one process, each with a state of its own: two OpenMP runtimes, or \
            two CUDA runtimes.",
        example: r"```text
$ axle audit x-1.0-cp312-cp312-manylinux_2_17_x86_64.whl
…
code   severity  finding
AX107  warning   libgomp-24e2ab19.so.1.0.0: libgomp.so.1 is also needed from outside the wheel, by d.so
```",
        fix: "Make all members use the same copy: run `auditwheel repair` on the complete wheel, or exclude \
            the library (`auditwheel repair --exclude libgomp.so.1`) and depend on a package that provides \
            it.",
        source: "`DT_NEEDED` of all members, and the file names in the wheel.",
        since: "0.1.0",
    }
    Abi3 {
        code: "AX108",
        name: "abi3-violation",
        severity: Error,
        title: "Extension module uses more than the stable ABI that it declares",
        what: "Checks the CPython symbols that an extension module uses, if the module's file name ends in \
            `.abi3.so` or the wheel's ABI tag is `abi3`. Each symbol has to be part of the stable ABI, as of \
            the oldest Python of the wheel's tags.",
        why: "`abi3` promises that one build works with this Python and all later ones (PEP 384). A module \
            that uses other symbols does not load with some Python, or goes wrong there.",
        example: r"```text
$ axle audit --verbose x-1.0-cp312-abi3-manylinux_2_17_x86_64.whl
…
code   severity  finding
AX108  error     x/_C.abi3.so: it uses symbols outside of the stable ABI: _PyX
AX108  error     x/_C.abi3.so: the tag promises Python 3.12, but it uses symbols that are new in 3.13: PyUnicode_AsUTF8
```",
        fix: "Compile with `Py_LIMITED_API` set to the oldest Python of the tag (`0x030C0000` for 3.12), so \
            that the headers declare nothing else. Otherwise build one wheel per Python version \
            (`cp312-cp312`), or raise the oldest Python (`cp313-abi3`).",
        source: "CPython's `Misc/stable_abi.toml` (`crates/axle-audit/data/stable-abi.txt`); PEP 384.",
        since: "0.1.0",
    }
    NoDeviceCode {
        code: "AX109",
        name: "no-device-code",
        severity: Note,
        title: "Name says CUDA, but there is no device code",
        what: "Reports a wheel whose local version (`+cu128`) or name (`cupy-cuda12x`, `x-cu12`) is that of \
            a CUDA build, and which contains no SASS, no PTX and no device code for AMD GPUs. NVIDIA's own \
            packages (`nvidia-…`) are exempt: most of them are libraries, tools and headers.",
        why: "A CUDA build usually contains device code. There may be none because the package only calls \
            libraries or compiles kernels at run time, or because the build went wrong.",
        example: r"```text
$ axle audit x-1.0+cu128-cp312-cp312-manylinux_2_28_x86_64.whl
…
code   severity  finding
AX109  note      by its name, x 1.0+cu128 is a build for CUDA
```",
        fix: "Nothing, if the package compiles its kernels at run time or has none. Otherwise check that the \
            build found nvcc and that its list of architectures was not empty.",
        source: "The wheel's name and version, and the device code in its members and files.",
        since: "0.1.0",
    }
    UselessPtx {
        code: "AX110",
        name: "unusable-ptx",
        severity: Warning,
        title: "PTX cannot serve newer GPUs",
        what: "Reports a member whose PTX the driver cannot compile for newer GPUs, for one of two reasons: \
            all of it is in `__nv_relfatbin`, the input of device linking, where the driver does not look \
            for a program's code; or all PTX in `.nv_fatbin` is bound to one architecture by the suffix `a`, \
            or to one family by `f`.",
        why: "PTX lets the driver compile for GPUs that did not exist when the wheel was built. This PTX \
            does not, although lists of the architectures in the file include it.",
        example: r"```text
$ axle audit x-1.0-cp312-cp312-manylinux_2_28_x86_64.whl
…
code   severity  finding
AX110  warning   libx.so: compute_80 is in __nv_relfatbin only
```",
        fix: "Nothing, if the package need not run on newer GPUs. Otherwise add PTX without a suffix \
            (`-gencode arch=compute_90,code=compute_90`), in a file that is compiled without relocatable \
            device code, so that it gets into `.nv_fatbin`.",
        source: "The sections of the fatbin containers; NVIDIA's nvcc documentation on separate compilation \
            and on architecture-specific and family-specific targets.",
        since: "0.1.0",
    }
    PartialPtx {
        code: "AX111",
        name: "partial-ptx",
        severity: Note,
        title: "Only some containers of a member have PTX",
        what: "Reports a member of which some fatbin containers in `.nv_fatbin` have PTX and others do not. \
            A container is the device code of one translation unit. Containers with nothing but suffixed \
            code (`sm_90a`) do not count: they are meant for one GPU.",
        why: "The member's list of architectures names PTX, yet on a GPU that only PTX can serve, the \
            kernels of the other translation units are missing.",
        example: r"```text
$ axle audit x-1.0-cp312-cp312-manylinux_2_28_x86_64.whl
…
library  of  80   ptx90
libx.so  2   all  1

code   severity  finding
AX111  note      libx.so: 1 of 10 containers contain PTX (compute_80)
```",
        fix: "Compile all source files with the same `-gencode` options, if the package is to run on GPUs \
            newer than its SASS. To find out whether it covers a GPU, ask `axle audit --cc 8.6`, which looks \
            at every container.",
        source: "The containers in the member's `.nv_fatbin` section.",
        since: "0.1.0",
    }
    UnknownCode {
        code: "AX112",
        name: "unknown-device-code",
        severity: Warning,
        title: "Device code is of an unknown kind",
        what: "Reports fatbin containers with entries of a kind that axle does not know. The entries are \
            counted and named by their number: `kind64_90` is kind 64 for compute capability 9.0.",
        why: "Such entries count for no GPU, so the wheel may cover more GPUs than axle reports.",
        example: r"```text
$ axle audit x-1.0-cp312-cp312-manylinux_2_28_x86_64.whl
…
code   severity  finding
AX112  warning   libx.so: it contains kind64_90
```",
        fix: "Use a newer axle. If it does not know the kind either, report the wheel to axle's maintainers.",
        source: "The headers of the fatbin entries. NVIDIA does not document the format; axle's reading of \
            it is compared with cuobjdump.",
        since: "0.1.0",
    }
    Machine {
        code: "AX113",
        name: "machine-mismatch",
        severity: Error,
        title: "Member is for another processor than the platform tag",
        what: "Compares the processor of each ELF member with the wheel's Linux platform tags. Files of \
            device code for GPUs are exempt.",
        why: "The member cannot be loaded on the machines that the tag promises.",
        example: r"```text
$ axle audit x-1.0-cp312-cp312-manylinux_2_17_x86_64.whl
…
code   severity  finding
AX113  error     _C.so: it is for aarch64, but the tag is manylinux_2_17_x86_64
```",
        fix: "Build the member for the processor of the tag, or give the wheel the tag of the member's \
            processor. After a cross-compilation, look for files of the build machine.",
        source: "`e_machine` in the member's ELF header; the platform tag (PEP 425, PEP 600, PEP 656).",
        since: "0.1.0",
    }
    NotPure {
        code: "AX114",
        name: "binary-in-pure-wheel",
        severity: Warning,
        title: "Wheel for any platform contains machine code",
        what: "Reports ELF members in a wheel whose platform tag is `any`. Files of device code for GPUs are \
            exempt.",
        why: "Because of the tag, pip installs the wheel everywhere, while each ELF member works on one kind \
            of processor only.",
        example: r"```text
$ axle audit x-1.0-py3-none-any.whl
…
code   severity  finding
AX114  warning   _C.so: the tag is `any`, but 1 of its members are ELF files
```",
        fix: "Give the wheel a platform tag, for example with `wheel tags --platform-tag \
            manylinux_2_17_x86_64`, or leave the ELF members out.",
        source: "The platform tag (PEP 425) and the members' ELF headers.",
        since: "0.1.0",
    }
    Unlisted {
        code: "AX115",
        name: "record-unlisted-file",
        severity: Error,
        title: "RECORD does not list a member",
        what: "Reports files that the wheel contains and its `RECORD` does not list; with `--verify` only. \
            `RECORD` itself and its signatures (`RECORD.jws`, `RECORD.p7s`) are exempt.",
        why: "Every other file of a wheel has to be listed with its hash (PEP 427). This one was added after \
            the wheel was made, or by a tool that does not update the list. It cannot be verified, and \
            installers do not remove it with the package.",
        example: r"```text
$ axle audit --verify --verbose x-1.0-py3-none-any.whl
…
record     1 verified, 1 wrong, 3 not listed, 1 missing
…
AX115  error     x-1.0.dist-info/METADATA: it is not listed
AX115  error     x-1.0.dist-info/WHEEL: it is not listed
AX115  error     x-1.0.dist-info/entry_points.txt: it is not listed
…
```",
        fix: "Find out which step added the file. Then unzip the wheel and pack it again with `wheel pack`, \
            which writes a complete `RECORD`.",
        source: "`RECORD`, as PEP 427 and the specification for recording installed projects define it.",
        since: "0.1.0",
    }
    Missing {
        code: "AX116",
        name: "record-missing-file",
        severity: Error,
        title: "RECORD lists a file that the wheel does not contain",
        what: "Reports files that `RECORD` lists and the wheel does not contain; with `--verify` only. \
            Entries for directories, and for scripts that are installed elsewhere (`../`), are skipped.",
        why: "The file was removed after the wheel was made, or the list was made for other files. The \
            package may be incomplete.",
        example: r"```text
$ axle audit --verify --verbose x-1.0-py3-none-any.whl
…
record     1 verified, 1 wrong, 3 not listed, 1 missing
…
AX116  error     x/c.py: it is listed but missing
…
```",
        fix: "Build the wheel again. If the file was removed on purpose, unzip the wheel and pack it again \
            with `wheel pack`, which writes a new `RECORD`.",
        source: "`RECORD`, as PEP 427 and the specification for recording installed projects define it.",
        since: "0.1.0",
    }
    Wrong {
        code: "AX117",
        name: "record-hash-mismatch",
        severity: Error,
        title: "Member has other contents than RECORD lists",
        what: "Compares the hash (SHA-256, SHA-384 or SHA-512) and the size of each file with those in \
            `RECORD`; with `--verify` only.",
        why: "The file was changed after the list was made: by a tool, by accident or on purpose.",
        example: r"```text
$ axle audit --verify --verbose x-1.0-py3-none-any.whl
…
record     1 verified, 1 wrong, 3 not listed, 1 missing
…
AX117  error     x/b.py: its hash or size differs from the one listed
```",
        fix: "Do not use the wheel until you know why. Download it again, and compare its SHA-256 with the \
            one on the package index. If a build step of your own changes files (`strip`, `patchelf`), pack \
            the wheel again with `wheel pack`, which writes a new `RECORD`.",
        source: "`RECORD`, as PEP 427 and the specification for recording installed projects define it.",
        since: "0.1.0",
    }
    Unhashed {
        code: "AX118",
        name: "record-without-hash",
        severity: Warning,
        title: "RECORD lists a member without a usable hash",
        what: "Reports files that `RECORD` lists without a hash, or with one that is not SHA-256, SHA-384 or \
            SHA-512; with `--verify` only. Bytecode (`.pyc`) is exempt, since installers write it.",
        why: "PEP 427 rules out MD5 and SHA-1, because files with the same hash can be made on purpose. \
            Without a hash, the contents of the file cannot be verified.",
        example: r"```text
$ axle audit --verify --verbose x-1.0-py3-none-any.whl
…
AX118  warning   x/old.py: it is listed without a usable hash
```",
        fix: "Unzip the wheel and pack it again with `wheel pack`, which writes SHA-256 for every file.",
        source: "`RECORD`, as PEP 427 and the specification for recording installed projects define it.",
        since: "0.1.0",
    }
    BrokenRecord {
        code: "AX119",
        name: "invalid-record",
        severity: Error,
        title: "RECORD is missing or cannot be read",
        what: "Checks that the wheel has a `RECORD`, that each of its lines is a path, a hash and a size, \
            and that no path is listed twice; with `--verify` only. axle reads up to 100,000 entries and \
            reports a longer list.",
        why: "Without the list, no hash can be verified. A line that cannot be read leaves its file \
            unverified.",
        example: r"```text
$ axle audit --verify x-1.0-cp312-cp312-manylinux_2_28_x86_64.whl
…
record     3 verified, not all could be read
…
AX119  error     it lists `a` twice
…
```",
        fix: "Unzip the wheel and pack it again with `wheel pack`, which writes a new `RECORD`.",
        source: "`RECORD`, as PEP 427 and the specification for recording installed projects define it.",
        since: "0.1.0",
    }
    KernelGap {
        code: "AX120",
        name: "kernel-gap",
        severity: Note,
        title: "Some kernels lack an architecture that others have",
        what: "Compares the kernels of a member, or of all files of device code together, by the \
            architectures they were compiled for; with `--deep` only. It reports each GPU that some kernels \
            were compiled for and on which others do not run, because neither SASS nor PTX of theirs does. \
            Kernels with nothing but suffixed code (`sm_90a`) do not count: they are meant for one GPU.",
        why: "A program cannot launch these kernels on such a GPU, although the containers have code for it. \
            Usually they are missing because the source guards them by `__CUDA_ARCH__`.",
        example: r"```text
$ axle audit --deep x-1.0-cp312-cp312-manylinux_2_28_x86_64.whl
…
x/_C.so: 3 kernels, of them sm_80 2, sm_90 3

x/_C.so: 1 of 3 kernels do not run on 8.0
  new<0>(float*)
…
AX120  note      _C.so: of its 3 kernels, these do not run: 1 on 8.0
…
```",
        fix: "Look at the names of the kernels, all of which `--format json` lists, and find out whether \
            your program needs them on that GPU. If it does, compile them for it.",
        source: "The symbol tables of the images in the fatbin containers.",
        since: "0.1.0",
    }
    UnreadImage {
        code: "AX121",
        name: "unreadable-image",
        severity: Warning,
        title: "Device code cannot be read",
        what: "Reports images that cannot be decompressed, are neither a cubin nor PTX, or are larger than \
            what axle unpacks, and those with more kernels than axle keeps; with `--deep` only.",
        why: "The kernels of such an image are unknown and in no count. A driver may refuse the image too.",
        example: r"```text
$ axle audit --deep x-1.0-cp312-cp312-manylinux_2_28_x86_64.whl
…
AX121  warning   _C.so: 2 images of sm_80 in .nv_fatbin: its lz4 stream is broken
…
```",
        fix: "Compare the wheel's SHA-256 with the one on the package index. If it is the same, report the \
            wheel to its publisher; if cuobjdump reads the image, report it to axle's maintainers.",
        source: "The images in the fatbin containers, which `--deep` unpacks.",
        since: "0.1.0",
    }
    UnknownToolkit {
        code: "AX200",
        name: "unknown-toolkit",
        severity: Warning,
        title: "CUDA release is unknown to axle",
        what: "Reports a CUDA release that axle has no facts about, so that `axle doctor` does not judge it. \
            `axle check` exits with status 2 instead.",
        why: "Whatever depends on the CUDA release is not checked: compilers, headers, GPUs, the driver. \
            That axle reports no error about these does not mean that they are compatible.",
        example: r"```text
$ axle doctor
…
warning  AX200  CUDA 12.7 is not a release that axle knows, so it is not checked
                 source: catalogue/toolkits.json
                 what to do: use one of these releases
…
```",
        fix: "Name a minor release, as in 12.8. For a release newer than your axle, use a newer axle.",
        source: "The CUDA releases for which the package index has wheels (`catalogue/toolkits.json`).",
        since: "0.1.0",
    }
    GccTooNew {
        code: "AX201",
        name: "gcc-too-new",
        severity: Error,
        title: "gcc is newer than the CUDA release supports",
        what: "Compares the major version of gcc with the newest one that the CUDA release supports.",
        why: "nvcc stops at the first file that includes a CUDA header. With `-allow-unsupported-compiler` \
            it continues, and may stop later, somewhere in the headers of libstdc++.",
        example: r"```console
$ axle check --cuda 12.8 --gcc 15
error    AX201  gcc 15 is too new for CUDA 12.8, which supports gcc up to 14
                 source: nvidia/cuda_nvcc/include/crt/host_config.h in nvidia_cuda_nvcc_cu12-12.8.93-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl
                 what to do: use gcc 14 or older, or CUDA 13.0 to 13.5; nvcc's -allow-unsupported-compiler skips this check at your own risk, and --allow AX201 makes it a warning
ok       AX202  gcc 15 is not too old for CUDA 12.8
```",
        fix: "Use an older gcc (`nvcc -ccbin g++-13`, or the environment variable `CUDAHOSTCXX`), or a newer \
            CUDA release.",
        source: "The release's own `crt/host_config.h`, run through a preprocessor with the macros of each \
            gcc.",
        since: "0.1.0",
    }
    GccTooOld {
        code: "AX202",
        name: "gcc-too-old",
        severity: Error,
        title: "gcc is older than the CUDA release supports",
        what: "Compares the major version of gcc with the oldest one that the CUDA release supports.",
        why: "NVIDIA supports no older gcc. `crt/host_config.h` has no lower limit for gcc, so nvcc does not \
            refuse it either: what fails, and where, depends on the code.",
        example: r"```console
$ axle check --cuda 12.8 --gcc 5
error    AX202  gcc 5 is too old for CUDA 12.8, which supports gcc 6 or newer
                 source: CUDA Installation Guide for Linux, host compiler support policy
                 what to do: use gcc 6 or newer; --allow AX202 makes this a warning
ok       AX201  CUDA 12.8 supports gcc 5
```",
        fix: "Use a newer gcc.",
        source: "The host compiler support policy in NVIDIA's CUDA Installation Guide for Linux.",
        since: "0.1.0",
    }
    ClangTooNew {
        code: "AX203",
        name: "clang-too-new",
        severity: Error,
        title: "clang is newer than the CUDA release supports",
        what: "Compares the major version of clang, as nvcc's host compiler, with the newest one that the \
            CUDA release supports.",
        why: "nvcc stops at the first file that includes a CUDA header.",
        example: r"```console
$ axle check --cuda 12.8 --clang 20
error    AX203  clang 20 is too new for CUDA 12.8, which supports clang up to 19
                 source: nvidia/cuda_nvcc/include/crt/host_config.h in nvidia_cuda_nvcc_cu12-12.8.93-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl
                 what to do: use clang 19 or older, or CUDA 13.0 to 13.5; nvcc's -allow-unsupported-compiler skips this check at your own risk, and --allow AX203 makes it a warning
ok       AX204  clang 20 is not too old for CUDA 12.8
```",
        fix: "Use an older clang, or a newer CUDA release.",
        source: "The release's own `crt/host_config.h`, run through a preprocessor with the macros of each \
            clang.",
        since: "0.1.0",
    }
    ClangTooOld {
        code: "AX204",
        name: "clang-too-old",
        severity: Error,
        title: "clang is older than the CUDA release supports",
        what: "Compares the major version of clang, as nvcc's host compiler, with the oldest one that the \
            CUDA release supports.",
        why: "A clang older than 3.3 stops at the first file that includes a CUDA header. Newer ones that \
            NVIDIA no longer supports pass the header's check: what fails, and where, depends on the code.",
        example: r"```console
$ axle check --cuda 12.8 --clang 6
error    AX204  clang 6 is too old for CUDA 12.8, which supports clang 7 or newer
                 source: CUDA Installation Guide for Linux, host compiler support policy
                 what to do: use clang 7 or newer; --allow AX204 makes this a warning
ok       AX203  CUDA 12.8 supports clang 6
```",
        fix: "Use a newer clang.",
        source: "The release's own `crt/host_config.h`, which asks for clang 3.3, and the host compiler \
            support policy in NVIDIA's CUDA Installation Guide for Linux, which asks for more.",
        since: "0.1.0",
    }
    CapabilityDropped {
        code: "AX205",
        name: "capability-dropped",
        severity: Error,
        title: "CUDA release no longer supports the GPU",
        what: "Checks that the CUDA release has a target whose SASS runs on the GPU, and reports a GPU that \
            only earlier releases support.",
        why: "nvcc refuses to compile for the GPU, and code that it compiles for other GPUs does not run \
            there.",
        example: r"```console
$ axle check --cuda 13.0 --cc 6.1
error    AX205  CUDA 13.0 no longer generates code for 6.1
                 source: nvidia/cu13/bin/ptxas in nvidia_cuda_nvcc-13.0.88-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl
                 what to do: use CUDA 12.9, the newest that generates code for 6.1
…
```",
        fix: "Use the newest CUDA release that still supports the GPU.",
        source: "The targets that the release's own ptxas lists, each assembled once.",
        since: "0.1.0",
    }
    CapabilityTooNew {
        code: "AX206",
        name: "capability-too-new",
        severity: Error,
        title: "CUDA release does not support the GPU yet",
        what: "Checks that the CUDA release has a target whose SASS runs on the GPU, and reports a GPU that \
            is newer than the release.",
        why: "The release makes no SASS for the GPU. Only its PTX can run there, if a program contains any: \
            the driver compiles it at the first start.",
        example: r"```console
$ axle check --cuda 12.6 --cc 12.0
error    AX206  CUDA 12.6 does not generate machine code for 12.0: only its compute_90 runs there, compiled by the driver when it is first loaded
                 source: nvidia/cuda_nvcc/bin/ptxas in nvidia_cuda_nvcc_cu12-12.6.85-py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl
                 what to do: use CUDA 12.8 or newer, which generates code for 12.0
…
```",
        fix: "Use a CUDA release that supports the GPU. Where there is none, include PTX in what you build.",
        source: "The targets that the release's own ptxas lists, each assembled once.",
        since: "0.1.0",
    }
    CapabilityOnlySpecialised {
        code: "AX207",
        name: "capability-only-specialised",
        severity: Warning,
        title: "Only architecture-specific or family-specific code runs on the GPU",
        what: "Reports a GPU for which the CUDA release has targets with a suffix only: for this very GPU \
            (`sm_90a`) or for its family (`sm_100f`).",
        why: "Such a target has to be requested by that name, since a list of plain numbers does not include \
            it. Its code runs nowhere else.",
        example: r"No release that axle knows has such a GPU. If CUDA X.Y were one, axle would print:

```text
warning  AX207  of the targets of CUDA X.Y, only sm_90a runs on 9.0, and must be requested by that name
                 what to do: compile with -gencode arch=compute_90a,code=sm_90a; a list of plain architecture numbers does not include it
```",
        fix: "Compile for the suffixed target, in addition to a plain one for other GPUs.",
        source: "The targets that the release's own ptxas lists, each assembled once.",
        since: "0.1.0",
    }
    CapabilityDeprecated {
        code: "AX208",
        name: "capability-deprecated",
        severity: Note,
        title: "CUDA release announces the end of its support for the GPU",
        what: "Reports a GPU that the CUDA release still supports, but for which ptxas warns or NVIDIA's \
            release notes announce that support ends.",
        why: "Newer CUDA releases will not make code for the GPU, and packages built with them will not run \
            on it.",
        example: r"```console
$ axle check --cuda 12.9 --cc 6.1
…
note     AX208  CUDA 12.9 still generates code for 6.1, but deprecates it
                 source: CUDA 12.8 and 12.9 Release Notes, deprecated architectures: Maxwell, Pascal and Volta
                 what to do: nothing yet; newer releases will not generate code for 6.1
…
```",
        fix: "Nothing yet. Stay with this CUDA release for this GPU.",
        source: "The warnings of the release's own ptxas, and the deprecated architectures in NVIDIA's \
            release notes.",
        since: "0.1.0",
    }
    PackageWithoutCode {
        code: "AX209",
        name: "package-without-code",
        severity: Error,
        title: "Package has no code for the GPU",
        what: "Checks that every library of a package has device code that runs on the GPU: a package is as \
            good as its worst library. The packages are those that are installed or, for `axle check --torch \
            2.9.1`, torch and the libraries that it pins; if there are none, NVIDIA's libraries that belong \
            to the CUDA release. `axle audit --cc 8.6` reports a wheel under this rule in SARIF.\n\n\
            It is an error, or a warning for one of NVIDIA's libraries whose version the release does not \
            fix, since another version may be used. A note reports a package of which axle does not know \
            whether it has code.",
        why: "The package fails when the first kernel of that library is launched.",
        example: r"```text
$ axle doctor
…
torch 2.9.1 and what is installed with it:
error    AX209  torch 2.9.1 has no code for 6.0 in libtorch_cuda.so
                 source: /opt/conda/lib/python3.12/site-packages/torch-2.9.1.dist-info
                 what to do: use torch 2.7.1, the newest in the catalogue that covers 6.0
…
```",
        fix: "Use a version of the package that covers the GPU, or compile the package for it.",
        source: "The audit of the package's libraries.",
        since: "0.1.0",
    }
    DriverTooOld {
        code: "AX210",
        name: "driver-too-old",
        severity: Error,
        title: "Driver is too old for the CUDA release",
        what: "Compares the driver with the oldest one that runs SASS of the CUDA release, which by \
            minor-version compatibility is older than the one that came with the release. From CUDA 13.4 on, \
            no driver comes with a release: then it is not known whether the driver compiles the release's \
            PTX, and a note says so.",
        why: "No program of this CUDA release runs with the driver.",
        example: r"```console
$ axle check --cuda 12.8 --driver 520.61.05
error    AX210  driver 520.61.05 is too old for CUDA 12.8, which needs 525.60.13 or newer (570.26 or newer to run all of it)
                 source: CUDA Toolkit Release Notes, tables of driver versions and of minor-version compatibility
                 what to do: install driver 570.26 or newer, or use CUDA 11.8 or older
```",
        fix: "Install a newer driver, or use an older CUDA release.",
        source: "NVIDIA's CUDA Toolkit Release Notes: the tables of driver versions and of minor-version \
            compatibility.",
        since: "0.1.0",
    }
    DriverTooOldForPtx {
        code: "AX211",
        name: "driver-too-old-for-ptx",
        severity: Error,
        title: "Driver cannot compile PTX of the CUDA release",
        what: "Reports a driver that runs SASS of the CUDA release by minor-version compatibility, but is \
            older than the one that came with the release.\n\n\
            It is an error if a GPU can only be served by PTX: because the release has no other code for it, \
            or because kernels of an installed package (other than NVIDIA's own) have none. Otherwise it is \
            a warning.",
        why: "Minor-version compatibility covers SASS and not PTX: whatever has to be compiled at run time \
            fails.",
        example: r"```console
$ axle check --cuda 12.8 --driver 535.54.03
warning  AX211  driver 535.54.03 runs the machine code of CUDA 12.8 (minor-version compatibility), but cannot compile its PTX, which needs 570.26
                 source: CUDA Toolkit Release Notes, tables of driver versions and of minor-version compatibility
                 what to do: install driver 570.26 or newer, or use only packages with machine code for your GPU
```",
        fix: "Install the driver of this CUDA release or a newer one, or use SASS only.",
        source: "NVIDIA's CUDA Toolkit Release Notes, and the CUDA Compatibility guide.",
        since: "0.1.0",
    }
    DriverTooNew {
        code: "AX212",
        name: "driver-too-new",
        severity: Error,
        title: "Driver no longer supports the GPU",
        what: "Compares the driver's branch with the last one that supports the GPU.",
        why: "The driver does not serve the GPU, so no CUDA program runs on it.",
        example: r"```text
$ axle doctor
…
the driver and the GPUs:
error    AX212  driver 590.44.01 no longer supports 6.1: 580 is the last branch that does
                 source: NVIDIA's Unix graphics feature deprecation schedule: release 580 is the last for Maxwell, Pascal and Volta
                 what to do: install a driver of branch 580
…
```",
        fix: "Install a driver of the last branch that supports the GPU.",
        source: "NVIDIA's notices on the end of driver support (`catalogue/declared.toml` names each).",
        since: "0.1.0",
    }
    PythonNotServed {
        code: "AX213",
        name: "python-not-served",
        severity: Error,
        title: "Package has no wheel for the Python version",
        what: "Checks that torch, or another package of the environment, has a wheel for the Python version. \
            If no package is named or installed, it warns if no torch for the CUDA release has one.",
        why: "The package cannot be installed from a wheel with this Python version.",
        example: r"```console
$ axle check --cuda 12.8 --torch 2.9.1 --python 3.9
error    AX213  torch 2.9.1 has no wheel for Python 3.9, only for 3.10, 3.11, 3.12, 3.13, 3.13t, 3.14 and 3.14t
                 source: torch-2.9.1-cp310-cp310-manylinux_2_28_x86_64.whl
                 what to do: use one of these Pythons, or torch 2.8.0
ok       AX219  everything is for CUDA 12
```",
        fix: "Use a Python version that the package has wheels for, or another version of the package.",
        source: "The file names of the published wheels.",
        since: "0.1.0",
    }
    GlibcTooOld {
        code: "AX214",
        name: "glibc-too-old",
        severity: Error,
        title: "glibc is older than a package needs",
        what: "Compares glibc with the newest one that a library of the packages needs. `axle audit --glibc \
            2.28` reports a wheel under this rule in SARIF.",
        why: "The library cannot be loaded.",
        example: r"```console
$ axle check --cuda 12.8 --torch 2.9.1 --glibc 2.17
error    AX214  glibc 2.17 is too old for torch 2.9.1, which needs 2.28
                 source: torch-2.9.1-cp310-cp310-manylinux_2_28_x86_64.whl
                 what to do: use a system with glibc 2.28 or newer, or an older torch
ok       AX219  everything is for CUDA 12
```",
        fix: "Use a newer system, or an older version of the package.",
        source: "The symbol versions that the package's libraries need.",
        since: "0.1.0",
    }
    GlibcHeadersTooNew {
        code: "AX215",
        name: "glibc-headers-too-new",
        severity: Error,
        title: "glibc headers are newer than the CUDA release supports",
        what: "Checks that CUDA's headers and those of glibc can be included together. It is judged if a \
            compiler is given, by the glibc headers that the compiler uses. In a Nix build, the hook first \
            compiles one line with nvcc, since a package set may have patched CUDA's headers.",
        why: "glibc declares functions (`cospi` since 2.41, `rsqrt` since 2.42) differently from CUDA. No \
            file that includes `<math.h>` compiles. `-allow-unsupported-compiler` does not help.",
        example: r"```console
$ axle check --cuda 12.8 --gcc 14 --glibc 2.41
error    AX215  the headers of glibc 2.41 are too new for CUDA 12.8, whose headers are compatible with glibc below 2.41 only
                 source: nvidia/cuda_nvcc/include/crt/math_functions.h in nvidia_cuda_nvcc_cu12-12.8.93-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl
                 what to do: use CUDA 13.0 or newer, or compile against an older glibc; -allow-unsupported-compiler does not help here
ok       AX201  CUDA 12.8 supports gcc 14
ok       AX202  gcc 14 is not too old for CUDA 12.8
```",
        fix: "Use a newer CUDA release, or compile against an older glibc.",
        source: "The release's own `crt/math_functions.h`, run through a preprocessor with the macros of \
            each glibc.",
        since: "0.1.0",
    }
    LibstdcxxTooNew {
        code: "AX216",
        name: "libstdcxx-too-new",
        severity: Error,
        title: "libstdc++ that clang uses is newer than the CUDA release supports",
        what: "Compares the libstdc++ that clang uses, which is the newest one installed, with the newest \
            one that the CUDA release supports. It is an error where that was tried, and a warning where it \
            is only known that the release supports no gcc that new.",
        why: "nvcc stops in a header of libstdc++.",
        example: r"```console
$ axle check --cuda 13.1 --clang 21 --libstdcxx 16
error    AX216  clang 21 uses the libstdc++ of gcc 16, but CUDA 13.1 supports those up to gcc 15
                 source: cargo xtask edges with clang 21: nvcc 13.1 and 13.2 stop in bits/utility.h of libstdc++ 16
                 what to do: install gcc 15 and make clang use its library: -Xcompiler --gcc-install-dir=/usr/lib/gcc/x86_64-linux-gnu/15
ok       AX203  CUDA 13.1 supports clang 21
ok       AX204  clang 21 is not too old for CUDA 13.1
```",
        fix: "Install a gcc whose libstdc++ the release supports, and pass its directory to clang: `nvcc \
            -Xcompiler --gcc-install-dir=…`.",
        source: "For CUDA 13.1 to 13.3, compiling with nvcc, clang and that libstdc++. For other releases, \
            the newest gcc that the release's own `crt/host_config.h` accepts.",
        since: "0.1.0",
    }
    AbiMismatch {
        code: "AX217",
        name: "abi-mismatch",
        severity: Error,
        title: "Extension and torch use different C++ ABIs",
        what: "Compares the ABI through which an extension calls libstdc++ with that of the torch it is \
            installed with: the C++11 ABI or the one before it (`_GLIBCXX_USE_CXX11_ABI`).",
        why: "The extension fails to load, with undefined symbols.",
        example: r"```text
$ axle doctor
…
torch 2.6.0 and what is installed with it:
error    AX217  flash-attn 2.8.3 uses the C++11 ABI, but torch 2.6.0 uses the old C++ ABI
                 source: /opt/conda/lib/python3.12/site-packages/flash_attn-2.8.3.dist-info
                 what to do: install a build of flash-attn with cxx11abiFALSE, or compile it against this torch
…
```",
        fix: "Use a build of the extension with torch's ABI (`cxx11abiTRUE` or `cxx11abiFALSE` in its file \
            name), or compile the extension against this torch.",
        source: "The libstdc++ symbols that the libraries call.",
        since: "0.1.0",
    }
    TooLittleMemory {
        code: "AX218",
        name: "too-little-memory",
        severity: Error,
        title: "Compile jobs need more memory than there is",
        what: "Divides the memory by what one compile job of a package needs. It is an error if not even one \
            job fits, a warning if the package was not named as one to compile, and otherwise a note with \
            the number of jobs that fit. A package whose need is not known gives a note. In a Nix build, the \
            hook sets the number of jobs, and refuses if not even one fits.",
        why: "The operating system kills compilers when memory runs out, or the machine comes to a \
            standstill.",
        example: r"```console
$ axle check --cuda 12.8 --memory 8G --compile flash-attn
error    AX218  compiling flash-attn needs 9 GiB per job, but there is 8 GiB of memory
                 source: setup.py of flash-attention, which reckons with 9 GiB a job
                 what to do: use a wheel of flash-attn, or compile it on a machine with at least 9 GiB
```",
        fix: "Set the number of jobs (`MAX_JOBS`). If not even one fits, use a wheel, or compile on a \
            machine with more memory.",
        source: "The memory that the package's own build scripts assume for a job; in a Nix build, \
            `memoryPerJob` of the hook.",
        since: "0.1.0",
    }
    MixedCudaMajors {
        code: "AX219",
        name: "mixed-cuda-majors",
        severity: Error,
        title: "Packages for several CUDA major versions are mixed",
        what: "Checks that the toolkit and all packages of the environment are for the same major version of \
            CUDA.",
        why: "Each package comes with libraries and a runtime of its own CUDA version, and what was compiled \
            against one does not load with the other.",
        example: r"```text
$ axle doctor
…
CUDA 13.0 in /opt/conda, without a compiler:
…
error    AX219  several major versions of CUDA are mixed: CUDA 12 (torch 2.9.1); CUDA 13 (the toolkit 13.0)
                 source: /opt/conda/lib/python3.12/site-packages/torch-2.9.1.dist-info
                 what to do: use packages and a toolkit for the same major version of CUDA
…
```",
        fix: "Use packages for one CUDA major version, and a toolkit of the same.",
        source: "The packages' names, what they pin and what they link.",
        since: "0.1.0",
    }
    OtherTools {
        code: "AX220",
        name: "other-tools",
        severity: Error,
        title: "Build finds other tools than it was made for",
        what: "Checks, in the first second of a Nix build with the overlay's `buildCheckHook`, that nvcc is \
            on `PATH`, that it is of the CUDA release the build was made for, and that the C++ compiler \
            runs.",
        why: "The build would stop later, after everything else was compiled, or compile for another CUDA \
            release.",
        example: r#"```text
axle: AX220: there is no nvcc on PATH; the toolkit of CUDA 12.8 belongs in nativeBuildInputs (allow = [ "AX220" ] makes this a warning)
```"#,
        fix: "Add the toolkit and the compiler to `nativeBuildInputs`, or name the compiler in `NVCC_CCBIN`.",
        source: "The output of nvcc and of the compiler on the builder's `PATH`.",
        since: "0.1.0",
    }
    DriverBeforeGpu {
        code: "AX221",
        name: "driver-before-gpu",
        severity: Error,
        title: "Driver does not support the GPU yet",
        what: "Compares the driver's branch with the first one that supports the GPU. Nothing is reported for a \
            GPU whose first branch no document of NVIDIA states.",
        why: "The driver does not serve the GPU, so no CUDA program runs on it, whatever its CUDA release.",
        example: r"```console
$ axle check --cuda 12.8 --cc 12.0 --driver 560.35.03
error    AX221  driver 560.35.03 does not support 12.0 yet: 570 is the first branch that does
                 source: NVIDIA open GPU kernel modules 570.86.16, README, Compatible GPUs: the first release that lists GeForce RTX 5090
                 what to do: install a driver of branch 570 or newer
…
```",
        fix: "Install a driver of the first branch that supports the GPU, or a newer one.",
        source: "The lists of GPUs in the documents of NVIDIA's driver releases (`catalogue/declared.toml` names \
            each).",
        since: "0.1.0",
    }
    OtherCuda {
        code: "AX222",
        name: "other-cuda",
        severity: Error,
        title: "Package is built for another CUDA release",
        what: "Checks that each version of a list has a wheel for the CUDA release of the list: by its file \
            name, by what it pins, by its device code and the libraries that it needs.",
        why: "The package loads libraries of another CUDA release than the rest, or finds none, or does not \
            use the GPU at all.",
        example: r"```text
$ axle check --cuda 13.0 --cc 8.6 --python 3.12 onnxruntime-gpu==1.23.2
…
error    AX222  the wheel of onnxruntime-gpu 1.23.2 is built for CUDA 12.2
…
```",
        fix: "Use a version or a build of the package for the CUDA release of the other packages.",
        source: "The audit of the wheel, or what is declared of it with a document.",
        since: "0.1.0",
    }
    OtherTorch {
        code: "AX223",
        name: "other-torch",
        severity: Error,
        title: "Package is built for another torch",
        what: "Checks that a wheel that links torch's C++ interface is built for the torch of the list.",
        why: "The C++ interface of torch changes from release to release: importing the package fails with \
            undefined symbols.",
        example: r"```text
$ axle check --cuda 13.0 --cc 12.0 --python 3.12 torch==2.12.1 sglang-kernel==0.4.4
…
error    AX223  sglang-kernel 0.4.4: it is built for torch 2.11
…
```",
        fix: "Use the torch that the package is built for, another version of the package, or compile it \
            against this torch.",
        source: "The file name of the wheel, and what its package's TOML in the catalogue says with a \
            document.",
        since: "0.1.0",
    }
    RequirementNotMet {
        code: "AX224",
        name: "requirement-not-met",
        severity: Error,
        title: "Package requires another version of a package",
        what: "Holds each requirement of each version of a list against the version that the list has of \
            the required package. Of a list that `pip freeze` wrote, a required package that is not in it \
            is a warning.",
        why: "Installers refuse such a list, or change it; what is installed in spite of it may fail anywhere.",
        example: r"```text
$ axle check --cuda 12.8 --cc 12.0 --python 3.12 torch==2.9.1 xformers==0.0.32.post1
…
error    AX224  xformers 0.0.32.post1 requires torch==2.8.0, but the list has torch 2.9.1
…
```",
        fix: "Use a version that satisfies the requirement, or another version of the package that states it.",
        source: "`Requires-Dist` in the metadata of the wheel, and what its package's TOML in the catalogue \
            adds.",
        since: "0.1.0",
    }
    NoWheel {
        code: "AX225",
        name: "no-wheel",
        severity: Error,
        title: "Package has no wheel for the target",
        what: "Checks that each version of a list has a wheel for the system. A version that was withdrawn, \
            and one that has to be compiled, are warnings.",
        why: "The package cannot be installed from a wheel.",
        example: r"```text
$ axle check --cuda 12.8 --cc 9.0 --python 3.12 --system aarch64-linux faiss-gpu-cu12==1.13.2
…
error    AX225  faiss-gpu-cu12 1.13.2 has no wheel for this target
…
```",
        fix: "Use another version of the package, or compile it.",
        source: "The file names of the published wheels.",
        since: "0.1.0",
    }
    NotJudged {
        code: "AX226",
        name: "not-judged",
        severity: Warning,
        title: "Package is not judged, or not wholly",
        what: "Names the packages of a list that the catalogue does not know, or not in this version: a note. \
            It is a warning where a version is known and a fact that decides is not: its bytes were never \
            read, and what it is built for is not declared.",
        why: "That axle reports no error about such a package does not mean that it works with the others.",
        example: r"```text
$ axle check --cuda 12.8 --cc 8.6 --python 3.12 torch==2.9.1 my-package==1.0
…
note     AX226  not judged, for the catalogue does not know them: my-package 1.0
…
```",
        fix: "Add the package to a catalogue of your own (`axle catalogue add`), or audit its wheel (`axle \
            audit`).",
        source: "The packages and versions that the catalogue has.",
        since: "0.1.0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_complete() {
        for rule in Rule::ALL {
            let sentences = [rule.what(), rule.why(), rule.fix(), rule.source()];
            for text in sentences {
                assert!(text.ends_with('.') && text.len() > 15, "{rule}: {text}");
                assert_eq!(text.matches('`').count() % 2, 0, "{rule}: {text}");
                assert!(!text.contains("  "), "{rule}: {text}");
            }
            assert!(rule.example().ends_with("\n```") && rule.example().contains("```"), "{rule}");
            assert!(rule.example().contains(rule.code()), "{rule}");
            let is_number = |part: &str| part.parse::<u16>().is_ok();
            assert!(rule.since().split('.').count() == 3 && rule.since().split('.').all(is_number), "{rule}");
        }
    }

    #[test]
    fn titles_are_fragments() {
        for rule in Rule::ALL {
            let title = rule.title();
            assert!(
                !title.is_empty() && !title.ends_with('.') && !title.contains(['\n', '|']),
                "{rule}: {title}"
            );
        }
    }

    #[test]
    fn names_are_kebab_case() {
        for rule in Rule::ALL {
            let is_word = |word: &str| {
                !word.is_empty()
                    && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            };
            assert!(rule.name().split('-').all(is_word), "{rule}: {}", rule.name());
        }
    }

    #[test]
    fn a_rule_is_reported_with_some_severity() {
        assert!(Rule::ALL.iter().all(|rule| rule.severity() > Severity::Ok));
    }
}
