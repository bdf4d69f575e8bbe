"""Memories against ngspice: the same equations as subcircuits of behavioural sources and capacitors."""

import shutil
import subprocess

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.results.rawfile import read_raw

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")

OPTIONS = ".options reltol=1e-6 abstol=1e-16 vntol=1e-9 chgtol=1e-18\n"
#: Of the swing of a vector: both run at reltol = 1e-6 with the same longest step, 1/8000 of the time, which is 0.02 of
#: the thermal time constant; left are jumps of slopes at edges, between unlike time points.
TOLERANCE = 2e-3

FADES = ".func fades(r,x,lo,hi) {r*min(1,(r>0 ? hi-x : x-lo)/(1e-4*(hi-lo)))}\n"
PCM = """.func hot(th) {300.15+th}
.func y(th,x) {(1/(300.15+th*(1-0.1*x))-1/877)/8.617333262e-5}
.func flat(z) {z/sinh(z)}
.func glass(th,sg) {200*exp(0.2/8.617333262e-5*(1/hot(th)-1/300)+0.3*(0.9-sg)/(8.617333262e-5*hot(th)))}
.func cur(v,x,th,sg) {v/10k*exp(-x*ln(1+glass(th,sg)*flat(max(abs(v)/0.19,1e-4))))}
.subckt pcm_b p n x=0
bi p n i=cur(v(p,n),v(x),v(theta),v(sigma))
bx 0 x i=1e-9*fades(-5e8*exp(-2.1*y(v(theta),v(x)))*(1-exp(-0.12*y(v(theta),v(x)))),v(x),0,1)
cx x 0 1n ic={x}
bq 0 theta i=1e-12*(v(p,n)*cur(v(p,n),v(x),v(theta),v(sigma))-v(theta)/3meg)/3e-16
cq theta 0 1p ic=0
bs 0 sigma i=1e-9*(0.9-v(sigma))/1n/(1+exp(min((877-hot(v(theta)))/5,300)))
bu sigma 0 i=exp(-3*(1-v(sigma))/(8.617333262e-5*hot(v(theta))))
cs sigma 0 1n ic=0.9
.ends
"""
FTJ = """.subckt ftj_b p n s=0
bi p n i=(v(s)/160k+(1-v(s))/46meg)*v(p,n)*(1+v(p,n)*v(p,n))
br r 0 v=1e11*exp(-28/max(abs(v(p,n)),0.1))
bl l 0 v=min(max(v(p,n)>0 ? 1-v(s) : v(s),1e-12),1)
bs 0 s i=1e-9*fades((v(p,n)>0 ? 1 : -1)*v(l)*v(r)*sqrt(1-4*ln(v(l))),v(s),0,1)
cs s 0 1n ic={s}
.ends
"""
ECRAM = """.subckt ecram_b d g s x=0.5
bd d s i=(1u+9u*v(x))*v(d,s)
b1 g d i=0.5*(v(g)-(v(d)+v(s))/2-0.1*(v(x)-0.5))/10meg
b2 g s i=0.5*(v(g)-(v(d)+v(s))/2-0.1*(v(x)-0.5))/10meg
b3 0 x i=1e-9*((v(g)-(v(d)+v(s))/2-0.1*(v(x)-0.5))/10meg/1e-11+(0.5-v(x))/1e7)
cx x 0 1n ic={x}
.ends
"""

FEFET = """.func merz(v) {v>0.1 ? 1e11*exp(-25/max(v,0.1)) : 0}
.func rate(v,p) {fades((1-p)*merz(v)-(1+p)*merz(-v),p,-1,1)}
.func f(v) {ln(1+exp(v/2/0.025864919))*ln(1+exp(v/2/0.025864919))}
.subckt fefet_b d g s p=-1
bi d s i=2*1.3*1m*0.025864919*0.025864919*(f((v(g)-0.5+0.5*v(p))/1.3-v(s))-f((v(g)-0.5+0.5*v(p))/1.3-v(d)))
bp 0 p i=1e-9*rate(v(g)-(v(d)+v(s))/2,v(p))
cp p 0 1n ic={p}
cgd g d 1.5f
cgs g s 1.5f
bgd g d i=1e-14*rate(v(g)-(v(d)+v(s))/2,v(p))
bgs g s i=1e-14*rate(v(g)-(v(d)+v(s))/2,v(p))
.ends
"""

#: Body of a deck, our element, theirs, stop time, vectors of ours and theirs.
CASES = {
    "pcm reset": (
        "v1 s 0 pwl(0 0 10n 0 14n 2.0 64n 2.0 68n 0 150n 0)\nr1 s a 1k\n",
        "n1 a 0 pcm x=0", "x1 a 0 pcm_b x=0", PCM, 150e-9,
        {"@n1[x]": "v(x1.x)", "@n1[theta]": "v(x1.theta)", "@n1[sigma]": "v(x1.sigma)", "v(a)": "v(a)"},
    ),
    "pcm set": (
        "v1 s 0 pwl(0 0 10n 0 14n 1.45 114n 1.45 118n 0 150n 0)\nr1 s a 1k\n",
        "n1 a 0 pcm x=0.9", "x1 a 0 pcm_b x=0.9", PCM, 150e-9,
        {"@n1[x]": "v(x1.x)", "@n1[theta]": "v(x1.theta)", "@n1[sigma]": "v(x1.sigma)", "v(a)": "v(a)"},
    ),
    "ftj": (
        "v1 a 0 sin(0 3.2 5meg)\n", "n1 a 0 ftj s=0.1", "x1 a 0 ftj_b s=0.1", FTJ, 400e-9,
        {"@n1[s]": "v(x1.s)", "i(v1)": "i(v1)"},
    ),
    "fefet": (
        "v1 g 0 pulse(0 3 20n 5n 5n 100n 1)\nv2 d 0 0.1\n", "n1 d g 0 0 fefet", "x1 d g 0 fefet_b", FEFET, 200e-9,
        {"@n1[p]": "v(x1.p)", "i(v1)": "i(v1)", "i(v2)": "i(v2)"},
    ),
    "ecram": (
        "v1 g 0 pulse(0 5 0.1u 10n 10n 1u 2u)\nv2 d 0 0.05\n",
        "n1 d g 0 ecram x=0.3", "x1 d g 0 ecram_b x=0.3", ECRAM, 6e-6,
        {"@n1[x]": "v(x1.x)", "i(v1)": "i(v1)", "i(v2)": "i(v2)"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_against_a_subcircuit_in_ngspice(name, tmp_path):
    body, ours, theirs, subckt, stop, vectors = CASES[name]
    run = f".tran {stop / 8000} {stop} 0 {stop / 8000} uic\n.end\n"
    here = cn.parse("memory\n" + OPTIONS + body + ours + "\n" + run).run().tran
    deck, raw = tmp_path / "deck.cir", tmp_path / "deck.raw"
    deck.write_text("memory\n" + OPTIONS + FADES + subckt + body + theirs + "\n" + run)
    done = subprocess.run(["ngspice", "-b", "-r", raw, deck], capture_output=True, text=True, timeout=120)
    assert raw.exists(), done.stdout[-2000:] + done.stderr[-2000:]
    there = read_raw(raw).tran
    # uic: sources jump to their values in the first step, whose length is each program's own choice
    begun = here.time > stop / 500
    for mine, other in vectors.items():
        expected = np.interp(here.time[begun], there.time, np.real(there[other]))
        swing = expected.max() - expected.min()
        assert swing > 0
        np.testing.assert_allclose(here[mine][begun], expected, atol=TOLERANCE * swing, rtol=0, err_msg=mine)
