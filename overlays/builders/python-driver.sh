# shellcheck shell=bash
#
# Lets the Python code below the working folder find the driver's libraries where it opens them by name: by ctypes, whose
# extension module is the package set's own and searches no folder of the driver's.
#
# What imports ctypes imports driver.py first, on the same line, so that lines keep their numbers and a name may be a
# literal, stand in another file (as in cuda-pathfinder) or be put together. Who does is read from the text of each
# build: audits stored before they told of Python code know nothing of it, and of compiled builds there are none.
#
# The values before this text:
#   axleName             the package, for the name of its copy of driver.py: no two packages have the same file
#   axleDriver           the driver's folder
#   axleDriverLibraries  what the names of the driver's libraries begin with, up to the version: `libcuda.so`
#   axleDriverModule     driver.py, in which @folder@ and @libraries@ stand for the two before
#   axleOpensDriver      not empty: ELF members here may open the driver

# Puts a statement before the first import of a module, or at its end.
# shellcheck disable=SC2016
axleBeforeImports='
    # Within triple quotes is text.
    { line = $0; within = inside; inside = (inside + gsub(/"""|\047\047\047/, "", line)) % 2 }
    !done && !within && /^(import [A-Za-z_]|from [A-Za-z_.][A-Za-z0-9_.]* import )/ && !/^from __future__ / {
        $0 = statement "; " $0
        done = 1
    }
    { print }
    END { if (!done) print statement }
'

axlePatchPython() {
    local libraries=${axleDriverLibraries//.so/} module=axle_driver_${axleName//[^A-Za-z0-9]/_} file
    local files=${libraries// /|} package
    local names=${files//lib/} ctypes='(^|[:;])([[:blank:]]*)((import|from)[[:blank:]]+([^#"'\'']*[ ,])?ctypes\b)'
    # `"libcuda.so.1"`, `find_library("cuda")`, `DLL("cuda", …)`
    if grep -rqE --include='*.py' -e "[\"']($files)\\.so[.0-9]*[\"']|(find_library|DLL)\\([\"']($names)[\"']" .; then
        while IFS= read -r -d '' file; do
            sed -E -i "s/$ctypes/\\1\\2import $module; \\3/" "$file"
        done < <(grep -rlZE --include='*.py' -e "$ctypes" .)
    fi
    # What Cython has compiled may call ctypes with a name that no text shows.
    if [[ -n $axleOpensDriver ]] && grep -rqaF --include='*.cpython-*.so' --include='*.abi3.so' -e __pyx_ .; then
        for package in ./*/__init__.py ./*.data/*lib/*/__init__.py; do
            if [[ -e $package ]] && ! grep -q "import $module;" "$package"; then
                awk -v statement="import $module" "$axleBeforeImports" "$package" > axle-init
                cat axle-init > "$package"
                rm axle-init
            fi
        done
    fi
    # A list of folders that has the one where WSL keeps the driver.
    while IFS= read -r -d '' file; do
        sed -E -i "s|(\\[[[:blank:]]*)([\"'])(/usr/lib/wsl/lib/?)\\2|\\1\\2\\3\\2, \\2$axleDriver\\2|" "$file"
    done < <(grep -rlZF --include='*.py' -e /usr/lib/wsl/lib .)
    if grep -rqE --include='*.py' -e "import $module(;|\$)" .; then
        sed -e "s|@folder@|$axleDriver|" -e "s|@libraries@|$axleDriverLibraries|" "$axleDriverModule" > "$module.py"
    fi
}
