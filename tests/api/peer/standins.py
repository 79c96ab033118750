"""Builds libraries that hold the names which a shared object wants of OpenSSL 1.0 and an old libcurl, and nothing behind them."""
import collections, os, re, subprocess, sys

wants, folder = sys.argv[1:]
SSL = ("OPENSSL_1.0.0", "OPENSSL_1.0.1", "OPENSSL_1.0.2")
LIBRARIES = {"libcrypto.so.1.0.0": SSL, "libssl.so.1.0.0": SSL, "libcurl.so.4": ("CURL_OPENSSL_3",)}

listed = subprocess.run(["nm", "-D", "--undefined-only", wants], capture_output=True, text=True, check=True).stdout
names = collections.defaultdict(list)
for name, version in re.findall(r"(\S+)@((?:OPENSSL|CURL)_\S+)", listed):
    names[version].append(name)

for library, versions in LIBRARIES.items():
    source, script = os.path.join(folder, library + ".c"), os.path.join(folder, library + ".map")
    with open(source, "w") as out:
        for version in versions:
            out.writelines(f"long {name}(void) {{ return 0; }}\n" for name in names[version])
        out.writelines(f"int stand_in_{at};\n" for at in range(len(versions)))
    with open(script, "w") as out:
        for at, version in enumerate(versions):
            exported = "".join(f" {name};" for name in [f"stand_in_{at}", *names[version]])
            hidden, parent = ("", versions[at - 1]) if at else (" local: *;", "")
            out.write(f"{version} {{ global:{exported}{hidden} }} {parent};\n")
    subprocess.run(["gcc", "-w", "-shared", "-fPIC", "-fno-builtin", source, "-o", os.path.join(folder, library),
                    f"-Wl,-soname,{library}", f"-Wl,--version-script={script}"], check=True)
