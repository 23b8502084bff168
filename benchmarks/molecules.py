"""Mueller-Brown walkers against OpenMM, a Lennard-Jones fluid against ASE; same output, checked.

python benchmarks/molecules.py [--peer-venv FOLDER]

One thread each. OpenMM runs its Reference platform in three dimensions, of which the surface uses
two; ASE its own Lennard-Jones calculator with its neighbour list, at constant energy. Before any
timing counts, forces at equal positions must agree to 1e-6 of the largest (ours in float64), so
must the fluid's positions after 20 steps, and the walkers' populations within four standard
errors. The runs that are timed are the course's usual float32; both peers work in float64.
"""

import math
import time
from collections.abc import Callable
from functools import partial

import torch
from _peers import arguments, peer_python, run_peer, table

from course_utils.simulators.molecular import (
    MUELLER_BROWN,
    baoab,
    in_deep_basin,
    langevin,
    lattice,
    lennard_jones_force,
    mueller_brown_force,
    mueller_brown_truth,
)

WALKERS, KT, POPULATION_STEPS = 4096, 20.0, 3000
OVERDAMPED_DT, BAOAB_DT, FRICTION = 1e-4, 0.005, 10.0
PARTICLES, DENSITY, FLUID_DT, CUTOFF = 216, 0.8, 0.004, 2.5
ROUNDS = 3  # ours and theirs in turn, the best of each: other work on the machine hits both

OPENMM = """
import json, sys, time
import numpy as np
import openmm as mm

d = json.load(sys.stdin)
energy = "+".join(
    f"({A})*exp(({a})*(x-({X}))^2+({b})*(x-({X}))*(y-({Y}))+({c})*(y-({Y}))^2)"
    for A, a, b, c, X, Y in d["terms"]
)
start = np.zeros((len(d["start"]), 3))
start[:, :2] = d["start"]
kelvin = d["kT"] / 0.00831446261815324

def context(kind):
    system, force = mm.System(), mm.CustomExternalForce(energy)
    for i in range(len(start)):
        system.addParticle(1.0)
        force.addParticle(i, [])
    system.addForce(force)
    if kind == "overdamped":
        integrator = mm.BrownianIntegrator(kelvin, 1.0, d["overdamped_dt"])
    else:
        integrator = mm.LangevinMiddleIntegrator(kelvin, d["friction"], d["baoab_dt"])
    integrator.setRandomNumberSeed(1)
    made = mm.Context(system, integrator, mm.Platform.getPlatformByName("Reference"))
    made.setPositions(start)
    if kind != "overdamped":
        made.setVelocitiesToTemperature(kelvin, 2)
    return made

answer = {}
for kind in ("overdamped", "baoab"):
    made = context(kind)
    if kind == "overdamped":
        force = made.getState(getForces=True).getForces(asNumpy=True)
        answer["force"] = np.asarray(force._value)[:, :2].tolist()
    steps = d["population_steps"] if d["check"] else 500
    made.getIntegrator().step(10)
    begin = time.perf_counter()
    made.getIntegrator().step(steps)
    answer[kind] = (time.perf_counter() - begin) / steps
    x = np.asarray(made.getState(getPositions=True).getPositions(asNumpy=True)._value)
    answer[kind + " population"] = float(((x[:, 1] > 0.7) & (x[:, 0] < 0)).mean())
print(json.dumps(answer))
"""

ASE = """
import json, sys, time
import numpy as np
from ase import Atoms
from ase.calculators.lj import LennardJones
from ase.md.verlet import VelocityVerlet

d = json.load(sys.stdin)
n = len(d["x"])
atoms = Atoms(f"Ar{n}", positions=d["x"], cell=[d["box"]] * 3, pbc=True)
atoms.set_masses(np.ones(n))
atoms.calc = LennardJones(sigma=1.0, epsilon=1.0, rc=d["cutoff"])
atoms.set_velocities(np.array(d["v"]))
force = atoms.get_forces().tolist()
run = VelocityVerlet(atoms, d["dt"])
run.run(20)
after = atoms.get_positions().tolist()
begin = time.perf_counter()
run.run(40)
print(json.dumps(
    {"force": force, "after": after, "step": (time.perf_counter() - begin) / 40}
))
"""


def seconds_per_step(run: Callable[..., object], steps: int) -> float:
    """Return what one step of `run(steps=...)` takes, after a short run to warm up."""
    run(steps=20, keep_every=20)
    begin = time.perf_counter()
    run(steps=steps, keep_every=steps)
    return (time.perf_counter() - begin) / steps


def relative_difference(ours: torch.Tensor, theirs: list) -> float:
    """Return the largest difference over the largest entry."""
    reference = torch.tensor(theirs, dtype=torch.float64)
    return ((ours - reference).abs().max() / reference.abs().max()).item()


def require(condition: bool, sentence: str) -> None:
    if not condition:
        raise SystemExit(f"The outputs differ, so the timings mean nothing: {sentence}")


def walkers(openmm: str) -> list[list[object]]:
    """Time and compare both dynamics on the Mueller-Brown surface."""
    generator = torch.Generator().manual_seed(0)
    truth = mueller_brown_truth(KT)
    start = truth.sample(WALKERS, generator=generator)
    settings = dict(
        terms=MUELLER_BROWN,
        start=start.double().tolist(),
        kT=KT,
        overdamped_dt=OVERDAMPED_DT,
        baoab_dt=BAOAB_DT,
        friction=FRICTION,
        population_steps=POPULATION_STEPS,
    )

    options = dict(kT=KT, generator=generator)
    runs = {
        "overdamped": partial(langevin, start, mueller_brown_force, dt=OVERDAMPED_DT, **options),
        "baoab": partial(
            baoab, start, mueller_brown_force, dt=BAOAB_DT, friction=FRICTION, **options
        ),
    }

    checked = run_peer(openmm, OPENMM, settings | {"check": True})
    difference = relative_difference(mueller_brown_force(start.double()), checked["force"])
    require(difference < 1e-6, f"forces by {difference:.1e} of the largest.")

    rows = []
    timed = [run_peer(openmm, OPENMM, settings | {"check": False}) for _ in range(ROUNDS)]
    exact = truth.population(in_deep_basin)
    for kind, run in runs.items():
        end = run(steps=POPULATION_STEPS, keep_every=POPULATION_STEPS)
        # baoab returns positions and velocities.
        end = end[0] if kind == "baoab" else end
        ours = in_deep_basin(end).double().mean().item()
        theirs = checked[f"{kind} population"]
        # Four standard errors of a difference of two such counts.
        slack = 4 * math.sqrt(2 * exact * (1 - exact) / WALKERS)
        require(abs(ours - theirs) < slack, f"{kind} populations {ours:.3f} and {theirs:.3f}.")
        our_time = min(seconds_per_step(run, 500) for _ in range(ROUNDS))
        their_time = min(answer[kind] for answer in timed)
        rows.append(
            [
                f"Mueller-Brown, {kind}, {WALKERS} walkers",
                "OpenMM",
                f"{WALKERS / our_time / 1e6:.1f} M/s",
                f"{WALKERS / their_time / 1e6:.1f} M/s",
                f"{their_time / our_time:.1f}",
                f"forces {difference:.0e}, population {ours:.3f} / {theirs:.3f}",
            ]
        )
    return rows


def lennard_jones_fluid(ase: str) -> list[list[object]]:
    """Time and compare constant-energy dynamics of a periodic Lennard-Jones fluid."""
    generator = torch.Generator().manual_seed(0)
    box = (PARTICLES / DENSITY) ** (1 / 3)
    options = dict(dt=FLUID_DT, kT=1.5, friction=0.0, generator=generator)

    def force(x: torch.Tensor) -> torch.Tensor:
        return lennard_jones_force(x, box, CUTOFF)

    # A melted start, so that both meet liquid-like neighbourhoods.
    x, v = baoab(
        lattice(PARTICLES, box, dtype=torch.float64),
        force,
        steps=500,
        keep_every=500,
        **options | {"friction": 1.0},
    )
    x, v = x[-1], v[-1]
    settings = dict(x=x.tolist(), v=v.tolist(), box=box, cutoff=CUTOFF, dt=FLUID_DT)
    answers = [run_peer(ase, ASE, settings) for _ in range(ROUNDS)]
    difference = relative_difference(force(x), answers[0]["force"])
    require(difference < 1e-6, f"forces by {difference:.1e} of the largest.")
    after, _ = baoab(x, force, steps=20, velocity=v, keep_every=20, **options)
    moved = relative_difference(after[-1], answers[0]["after"])
    require(moved < 1e-6, f"positions after 20 steps by {moved:.1e}.")

    their_time = min(answer["step"] for answer in answers)
    rows = []
    for boxes in (1, 8):
        start, velocity = x.float().expand(boxes, -1, -1), v.float().expand(boxes, -1, -1)
        run = partial(baoab, start, force, velocity=velocity, **options)
        our_time = min(seconds_per_step(run, 800 // boxes) for _ in range(ROUNDS))
        rows.append(
            [
                f"Lennard-Jones, {PARTICLES} particles, {boxes} box{'es' * (boxes > 1)}",
                "ASE",
                f"{boxes / our_time:.0f} /s",
                f"{1 / their_time:.0f} /s",
                f"{boxes * their_time / our_time:.1f}",
                f"forces {difference:.0e}, 20 steps {moved:.0e}",
            ]
        )
    return rows


def main() -> None:
    options = arguments(__doc__)
    torch.set_num_threads(1)
    openmm = peer_python("openmm", ["openmm", "numpy"], home=options.peer_venv)
    ase = peer_python("ase", ["ase"], home=options.peer_venv)
    rows = walkers(openmm) + lennard_jones_fluid(ase)
    print(table(rows, ["steps", "peer", "ours", "theirs", "ratio", "same output"]))


if __name__ == "__main__":
    main()
