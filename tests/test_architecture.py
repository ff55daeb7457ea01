"""The house rules, held up over the syntax trees; each test lists all offenders at once."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import n3d

PROJECT = Path(__file__).parents[1]
SRC = PROJECT / "src" / "n3d"

FLOORS = {
    "geometry": 0,
    "scene": 1,
    "language": 2, "engine": 2, "view": 2,
    "sources": 3, "experts": 3, "lift": 3, "reason": 3, "synthetic": 3,
    "evaluate": 4, "model": 4,
    "train": 5,
    "pipelines": 6,
    "apps": 7,
}  # fmt: skip
TORCH_ROOMS = {"experts", "model", "train"}
HEAVY = ("torch", "numba", "scipy", "pyarrow", "PIL", "pycocotools", "trimesh", "typer")
DRAWERS = {
    "utils",
    "util",
    "common",
    "misc",
    "helpers",
    "helper",
    "core",
    "base",
    "tools",
    "manager",
}
LONGEST_MODULE = 400
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}


@functools.cache
def modules() -> dict[str, ast.Module]:
    """Dotted name below n3d -> syntax tree."""
    found = {}
    for path in sorted(SRC.rglob("*.py")):
        parts = path.relative_to(SRC).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        found[".".join(parts)] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def room(name: str) -> str:
    return name.split(".")[0]


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Dotted names that a tree imports, `from a import b` as a.b, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = "." * node.level + (node.module or "")
            yield from ((f"{above}.{alias.name}", node.lineno) for alias in node.names)


def own_imports(name: str, tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The rooms of n3d (or "errors") that a module imports, with their lines."""
    for imported, line in imports(tree):
        parts = imported.split(".")
        if parts[0] != "n3d" or imported in ("n3d", "n3d.__version__"):
            continue
        home = n3d._HOMES.get(parts[1])  # a name of the package itself stands for its home
        yield (home.split(".")[1] if home else parts[1]), line


def outermost(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when a module is imported."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                todo.append(child)


def report(offenders: list[str]) -> None:
    assert not offenders, "\n" + "\n".join(offenders)


def test_every_room_has_a_floor():
    rooms = {room(name) for name in modules()} - {"", "errors"}
    report([f"{name}: no floor is known" for name in sorted(rooms - set(FLOORS))])


def test_imports_go_down():
    offenders = []
    for name, tree in modules().items():
        if name == "":
            continue  # n3d itself stands above all floors
        here = room(name)
        for imported, line in own_imports(name, tree):
            if here == "errors":
                offenders.append(f"errors:{line} is below all floors but imports {imported}")
            elif imported not in ("errors", here) and not (
                imported in FLOORS and FLOORS[imported] < FLOORS.get(here, -1)
            ):
                offenders.append(
                    f"{name}:{line} (floor {FLOORS.get(here)}) imports {imported} "
                    f"(floor {FLOORS.get(imported)})"
                )
    report(offenders)


def test_imports_name_their_room():
    report(
        [
            f"{name}:{line} imports relatively: {imported}"
            for name, tree in modules().items()
            for imported, line in imports(tree)
            if imported.startswith(".")
        ]
    )


def test_no_room_or_module_is_a_drawer():
    report([name for name in modules() if DRAWERS & set(name.lower().split("."))])


def test_torch_stays_in_its_rooms():
    report(
        [
            f"{name}:{line} imports torch at the top"
            for name, tree in modules().items()
            if room(name) not in TORCH_ROOMS
            for node in outermost(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for imported, line in imports(ast.Module([node], []))
            if imported.split(".")[0] in ("torch", "torchvision", "transformers")
        ]
    )


def test_importing_rooms_is_light():
    light = set(FLOORS) - TORCH_ROOMS - {"apps"}
    rooms = [r for r in FLOORS if r in light and (SRC / r / "__init__.py").exists()]
    code = (
        "import importlib, sys\n"
        f"for room in {rooms!r}:\n"
        "    before = set(sys.modules)\n"
        "    importlib.import_module('n3d.' + room)\n"
        f"    for name in {HEAVY!r}:\n"
        "        if name in sys.modules and name not in before:\n"
        "            print(f'import n3d.{room} imports {name}')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report(done.stdout.splitlines())


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Called names as they are written, such as np.load."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def option(call: ast.Call, name: str) -> object:
    """The constant given to a keyword; None where there is none, "?" where it is computed."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value.value if isinstance(keyword.value, ast.Constant) else "?"
    return None


def unsafe(called: str, call: ast.Call) -> bool:
    last = called.rsplit(".", 1)[-1]
    return (
        called in ("eval", "exec", "compile", "__import__")
        or (called.startswith("yaml.") and last in ("load", "load_all", "unsafe_load"))
        or option(call, "allow_pickle") not in (None, False)
        or (called == "torch.load" and option(call, "weights_only") is not True)
        or option(call, "trust_remote_code") not in (None, False)
        or option(call, "shell") not in (None, False)
        or called in ("os.system", "os.popen")
    )


def test_nothing_runs_what_files_contain():
    offenders = []
    for name, tree in modules().items():
        for imported, line in imports(tree):
            if imported.split(".")[0] in UNSAFE_MODULES:
                offenders.append(f"{name}:{line} imports {imported}")
        for called, call in calls(tree):
            if unsafe(called, call):
                offenders.append(f"{name}:{call.lineno} calls {ast.unparse(call)[:80]}")
    report(offenders)


def test_modules_are_short():
    offenders = []
    for path in sorted(SRC.rglob("*.py")):
        length = len(path.read_text(encoding="utf-8").splitlines())
        if length > LONGEST_MODULE:
            offenders.append(f"{path.relative_to(SRC)}: {length} lines, over {LONGEST_MODULE}")
    report(offenders)


def home_of(name: str) -> tuple[str, str] | None:
    """(module, name) that a dotted name below n3d stands for, through re-exports."""
    module, _, last = name.rpartition(".")
    if module not in modules() or name in modules():
        return None
    for node in modules()[module].body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("n3d."):
            for alias in node.names:
                if (alias.asname or alias.name) == last:
                    return home_of(f"{node.module[4:]}.{alias.name}")
    return module, last


def used_from(name: str, tree: ast.Module) -> Iterator[str]:
    """Dotted names below n3d that a module uses: imported, or as members of imported modules."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "n3d":
            for alias in node.names:
                full = n3d._HOMES.get(alias.name) if node.module == "n3d" else None
                full = f"{full or node.module}.{alias.name}".removeprefix("n3d.")
                known[alias.asname or alias.name] = full
                yield full
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = getattr(node.value, "id", None)
            if owner in known:
                yield f"{known[owner]}.{node.attr}"


def exports(tree: ast.Module) -> list[str]:
    """The names in __all__, where it is a plain list."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value) if isinstance(node.value, ast.List) else []
    return []


def public_names() -> set[tuple[str, str]]:
    """What rooms export in __all__ and what one room uses of another."""
    found = {f"{home}.{name}".removeprefix("n3d.") for name, home in n3d._HOMES.items()}
    for name, tree in modules().items():
        found |= {used for used in used_from(name, tree) if room(used) != room(name)}
        found |= {f"{name}.{exported}" for exported in exports(tree)}
    return {home for home in map(home_of, found) if home is not None}


def test_what_is_public_has_a_docstring():
    public = public_names()
    assert ("geometry.overlap", "iou") in public
    offenders = []
    for name, tree in modules().items():
        if not ast.get_docstring(tree):
            offenders.append(f"{name or 'n3d'}: the module")
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            is_class = isinstance(node, ast.ClassDef) and not node.name.startswith("_")
            overload = "overload" in map(ast.unparse, node.decorator_list)
            wanted = (is_class or (name, node.name) in public) and not overload
            if wanted and not ast.get_docstring(node):
                offenders.append(f"{name}:{node.lineno} {node.name}")
    report(offenders)


def test_nothing_is_left_open():
    pattern = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|#\s*type:\s*ignore|raise NotImplemented")
    report(
        [
            f"{path.relative_to(PROJECT)}:{number} {line.strip()[:80]}"
            for path in sorted(SRC.rglob("*.py"))
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            if pattern.search(line)
        ]
    )


def kept_files() -> list[Path]:
    """The files that git keeps or would keep."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"],
            cwd=PROJECT, capture_output=True, check=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and its checkout")
    return [PROJECT / name.decode() for name in listed.split(b"\0") if name]


def test_no_file_names_the_machine_it_was_written_on():
    homes = [b"/" + name for name in (b"work/", b"root/", b"home/", b"Users/")]
    offenders = []
    for path in kept_files():
        data = path.read_bytes() if path.is_file() else b""
        if b"\0" in data[:4096]:
            continue
        for number, line in enumerate(data.splitlines(), 1):
            if any(re.search(rb"(?<![\w.])" + re.escape(h) + rb"\w", line) for h in homes):
                text = line.decode("utf-8", "replace").strip()
                offenders.append(f"{path.relative_to(PROJECT)}:{number} {text[:100]}")
    report(offenders)
