#!/usr/bin/env python3
"""A test of the tests: one deliberate mistake in each CUDA kernel family, which the parity tests must notice.

    mutants.py BUILD [NAME...]      BUILD is the folder of a preset simt or simt-check, with cuda_test built

Each mutant changes one place of one source, is compiled with the build's own command and linked in front of the library,
and has to fail the tests named beside it. Mistakes that only change the order of events (a dropped barrier, a lost
atomic) are for the build that looks for races; the others for the fast one. Ends with 'N killed, N survived'.
"""
import json
import os
import pathlib
import shlex
import subprocess
import sys

# name, file, text, what it becomes, source that is compiled, tests, whether only the race checker can see it
MUTANTS = [
    ("adamw_biased", "adamw/adamw_cuda.cu", "std::sqrt(v) * unbias", "std::sqrt(v)", "", "CudaOptimizers*Adamw*", False),
    ("clip_norm_one_warp", "clip_norm/clip_norm_cuda.cu", "block_sum(sum)", "warp_sum(sum)", "", "CudaOptimizers*Norms*", False),
    ("concat_shifted", "concat/concat_cuda.cu", "y.row(k / x.cols)[first + k", "y.row(k / x.cols)[k", "", "CudaClassifier*Concat*", False),
    ("contact_loss_lost_atomic", "contact_loss/contact_loss_cuda.cu", "atomicAdd(&valid[tile.map], (unsigned long long)count)",
     "valid[tile.map] += count", "", "CudaPairs*ContactLoss*", True),
    ("contact_loss_diagonal", "contact_loss/contact_loss_cuda.cu", "if (i <= j) f(i, j)", "if (i < j) f(i, j)", "", "CudaPairs*ContactLoss*", False),
    ("conv2d_between_strides", "conv2d/conv2d_cuda.cu", "p % stride || q % stride || ", "", "", "CudaImages*Conv2d*", False),
    ("cross_entropy_no_label", "cross_entropy/cross_entropy_cuda.cu", "(j == label ? share : T(0))", "T(0)", "", "CudaClassifier*Losses*", False),
    ("elementwise_last_element", "elementwise/elementwise_cuda.cu", "grid_thread(); k < n; k +=", "grid_thread(); k + 1 < n; k +=", "",
     "CudaStoredElementwise*MatchesTheSpec", False),
    ("elementwise_no_barrier", "elementwise/elementwise_cuda.cu", "__syncthreads();  // warp 0 reads what all have written", "", "",
     "CudaStoredElementwise*MatchesTheSpec", True),
    ("embedding_lost_sum", "embedding/embedding_cuda.cu", "T sum = dW.row(row)[j];", "T sum = 0;", "", "CudaRows*Embedding*", False),
    ("gru_cell_no_reset", "gru_cell/gru_cell_cuda.cu", "q[2 * d] = dn * r;", "q[2 * d] = dn;", "", "CudaGru*", False),
    ("histogram_lost_atomic", "histogram/tally.cuh", "atomicAdd(&counts[bin], 1u);", "counts[bin] += 1u;", "histogram/histogram_cuda.cu",
     "CudaOptimizers*Histograms*", True),
    ("histogram_lost_chunk", "histogram/tally.cuh", "k < last; ++k) count +=", "k + 1 < last; ++k) count +=", "histogram/histogram_cuda.cu",
     "CudaOptimizers*Histograms*", False),
    ("layer_norm_no_barrier", "layer_norm/layer_norm_cuda.cu", "__syncthreads();  // the first two warps read what all have written", "", "",
     "CudaLayerNorm*", True),
    ("layer_norm_no_mean", "layer_norm/layer_norm_cuda.cu", "u * gain[j] - g_mean - xhat", "u * gain[j] - xhat", "", "CudaLayerNorm*", False),
    ("log_softmax_no_sum", "log_softmax/log_softmax_cuda.cu", "math::exp(y.row(i)[j]) * sum", "math::exp(y.row(i)[j])", "",
     "CudaClassifier*Losses*", False),
    ("matmul_not_transposed", "matmul/matmul_cuda.cu", "cuda::gemm<T>(cuda, Op::transpose, Op::none", "cuda::gemm<T>(cuda, Op::none, Op::none",
     "", "CudaMatmul*", False),
    ("max_pool_last_of_equals", "max_pool/max_pool_cuda.cu", "plane[at] > plane[best]", "plane[at] >= plane[best]", "", "CudaImages*MaxPool*", False),
    ("nll_loss_overwrites", "nll_loss/nll_loss_cuda.cu", "[labels[i]] -= T(", "[labels[i]] = -T(", "", "CudaClassifier*Losses*", False),
    ("normal_noise_twice", "normal_noise/normal_noise_cuda.cu", "high.first, high.second}", "low.first, low.second}", "",
     "CudaClassifier*Noise*", False),
    ("pair_conv_not_mirrored", "pair_conv/pair_conv_cuda.cu", "(1 - t / 3) * d), j = linked(map, at.j", "(t / 3 - 1) * d), j = linked(map, at.j",
     "", "CudaPairs*PairConv*", False),
    ("pair_conv_no_barrier", "common/tile_product.cuh", "__syncthreads();  // nobody reads them any more", "", "pair_conv/pair_conv_cuda.cu",
     "CudaPairs*PairConv*", True),
    ("pair_init_lost_chunk", "pair_init/pair_init_cuda.cu", "p < last; ++p)", "p + 1 < last; ++p)", "", "CudaPairs*PairInit*", False),
    ("relation_conv_not_transposed", "relation_conv/relation_conv_cuda.cu", "offsets, -1, neighbour", "offsets, 1, neighbour", "",
     "CudaPairs*RelationConv*", False),
    ("segment_reduce_lost_row", "segment_reduce/segment_reduce_cuda.cu", "i < offsets[s + 1]; ++i) sum", "i + 1 < offsets[s + 1]; ++i) sum", "",
     "CudaRows*SegmentReduce*", False),
    ("sgd_lost_momentum", "sgd/sgd_cuda.cu", "buffer[i] = b;", "buffer[i] = g;", "", "CudaOptimizers*Sgd*", False),
    ("spmm_lost_neighbour", "spmm/spmm_cuda.cu", "min(kWarp, end - e)", "min(kWarp - 1, end - e)", "", "CudaStoredRows*Spmm*", False),
    ("triangle_multiplication_not_transposed", "triangle_multiplication/triangle_multiplication_cuda.cu", "x.row(map.folded_row(v, j))",
     "x.row(map.folded_row(u, j))", "", "CudaPairs*Triangle*", False),
]

root = pathlib.Path(__file__).resolve().parents[2]


def commands(build):
    """How the build compiles each source, and how it links cuda_test."""
    compile_of = {entry["file"]: entry["command"] for entry in json.load(open(build / "compile_commands.json"))}
    link = subprocess.run(["ninja", "-C", build, "-t", "commands", "bin/cuda_test"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.splitlines()[-1]
    return compile_of, link


def make(build, compile_of, link, mutant):
    """The tests with this one mistake; None, with the compiler's words, where it does not compile."""
    name, file, text, becomes, compiled, _, _ = mutant
    folder = build / "mutants" / name
    path = root / "kernels" / file
    source = path.read_text()
    if text not in source:
        return None, f"kernels/{file} does not contain '{text}'; mend the list in tests/cuda/mutants.py"
    changed = folder / "kernels" / file
    changed.parent.mkdir(parents=True, exist_ok=True)
    changed.write_text(source.replace(text, becomes, 1))
    original = root / "kernels" / compiled if compiled else path
    # The folder comes first among the include paths: a changed header stands in for the tree's.
    words = shlex.split(compile_of[str(original)])
    words[words.index("-o") + 1] = str(folder / "mutant.o")
    words[words.index("-c") + 1] = str(original if compiled else changed)
    words.insert(next(k for k, w in enumerate(words) if w.startswith("-I")), f"-I{folder}")
    done = subprocess.run(words, cwd=build, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        return None, done.stderr
    binary = folder / "cuda_test"
    linked = link.replace("-o bin/cuda_test", f"-o {binary} {folder / 'mutant.o'}", 1)
    done = subprocess.run(linked, shell=True, cwd=build, stderr=subprocess.PIPE, text=True)
    return (binary, "") if done.returncode == 0 else (None, done.stderr)


def run(binary, tests):
    environment = dict(os.environ, OMP_WAIT_POLICY="passive")
    return subprocess.run([binary, f"--gtest_filter={tests}", "--gtest_brief=1"], env=environment, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode


def main():
    if len(sys.argv) < 2 or not (pathlib.Path(sys.argv[1]) / "bin/cuda_test").exists():
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    checks_races = any(line.strip() == "HEARTBEAT_SIMT_CHECK:BOOL=ON" for line in open(build / "CMakeCache.txt"))
    chosen = [m for m in MUTANTS if m[6] == checks_races and (len(sys.argv) == 2 or m[0] in sys.argv[2:])]
    if run(build / "bin/cuda_test", ":".join(sorted({m[5] for m in chosen}))):
        sys.exit("mutants: the tests fail without any mutant; mend them first")
    compile_of, link = commands(build)
    survived = 0
    for mutant in chosen:
        binary, complaint = make(build, compile_of, link, mutant)
        if not binary:
            sys.exit(f"mutants: {mutant[0]} could not be built: {complaint}")
        alive = run(binary, mutant[5]) == 0
        survived += alive
        print(f"{'SURVIVED' if alive else 'killed  '}  {mutant[0]}", flush=True)
        binary.unlink()
    print(f"{len(chosen) - survived} killed, {survived} survived")
    sys.exit(survived > 0)


main()
