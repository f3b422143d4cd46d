// The residue chain graph: what a model may know of a protein's geometry from its sequence alone.
#pragma once

#include <memory>
#include <vector>

#include "graph/graph.h"
#include "graph/pair_layout.h"

namespace heartbeat {

// The relations of the chain graph, {0, -1, 1, ..., -reach, reach} times dilation. Relation r of a checkpoint is entry
// r.
std::vector<int> chain_offsets(int reach, int dilation = 1);

// The same neighbours without telling them apart: D^-1/2 A D^-1/2, A with self-loops, D its degrees (Kipf & Welling
// 2017). Chains and proteins do not touch, nor do two crops of a chain further apart than the offsets.
std::shared_ptr<const Graph> chain_graph(const PairLayout& layout, int reach, int dilation = 1);

}  // namespace heartbeat
