#include "graph/structure_file.h"

#include <algorithm>
#include <cstring>
#include <gemmi/align.hpp>
#include <gemmi/mmread.hpp>
#include <memory>

#include "graph/file_bytes.h"
#include "kernels/common/error.h"

namespace heartbeat::structure_file {
namespace {

std::string base_name(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

Residue plain(const gemmi::Residue& from) {
  Residue residue{from.name,
                  from.seqid.num.has_value() ? *from.seqid.num : 0,
                  from.seqid.icode,
                  from.het_flag == 'H',
                  from.label_seq.has_value() ? *from.label_seq : 0,
                  {}};
  residue.atoms.reserve(from.atoms.size());
  for (const gemmi::Atom& atom : from.atoms)
    residue.atoms.push_back({atom.name,
                             atom.element.name(),
                             atom.altloc ? atom.altloc : ' ',
                             {atom.pos.x, atom.pos.y, atom.pos.z},
                             atom.occ});
  return residue;
}

Link::End plain(const gemmi::AtomAddress& at) {
  return {at.chain_name, at.res_id.name, at.atom_name, at.res_id.seqid.num.has_value() ? *at.res_id.seqid.num : 0,
          at.res_id.seqid.icode};
}

std::vector<std::string> first_monomers(const gemmi::Entity& entity) {
  std::vector<std::string> names;
  for (const std::string& list : entity.full_sequence) names.push_back(gemmi::Entity::first_mon(list));
  return names;
}

// gemmi 0.5.7 skips MODRES: columns 13-15 hold the name in the file, 25-27 the standard residue.
void read_pdb_extras(const std::string& bytes, const gemmi::Structure& structure, File& file) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    if (end - at >= 27 && bytes.compare(at, 6, "MODRES") == 0)
      file.parents[gemmi::trim_str(bytes.substr(at + 12, 3))] = gemmi::trim_str(bytes.substr(at + 24, 3));
    if (bytes.compare(at, 4, "ATOM") == 0) break;
    at = end + 1;
  }
  bool in_table = false;
  for (const std::string& remark : structure.raw_remarks) {
    if (remark.compare(0, 10, "REMARK 465") != 0) continue;
    const std::string name = in_table && remark.size() > 18 ? gemmi::trim_str(remark.substr(15, 3)) : "";
    if (!name.empty()) file.listed_missing += find_monomer(name).kind != Kind::nucleotide;
    in_table |= remark.find("RES C SSSEQ") != std::string::npos;
  }
}

void read_cif_extras(gemmi::cif::Block& block, File& file) {
  for (auto row : block.find("_chem_comp.", {"id", "mon_nstd_parent_comp_id"}))
    if (!gemmi::cif::is_null(row[1])) file.parents[row.str(0)] = row.str(1);
  for (auto row : block.find("_pdbx_unobs_or_zero_occ_residues.", {"polymer_flag", "PDB_model_num", "auth_comp_id"}))
    file.listed_missing += row.str(0) == "Y" && row.str(1) == "1" && find_monomer(row.str(2)).kind != Kind::nucleotide;
}

// A file that names its polymers: chains are the polypeptides, the rest is kept apart.
void take_entities(const gemmi::Structure& structure, const gemmi::Model& model, File& file) {
  for (const gemmi::Chain& chain : model.chains)
    for (const gemmi::ConstResidueSpan& part : chain.subchains()) {
      const gemmi::Entity* entity = structure.get_entity_of(part);
      const bool polymer =
          entity && entity->entity_type == gemmi::EntityType::Polymer && !entity->full_sequence.empty();
      auto type = polymer ? entity->polymer_type : gemmi::PolymerType::Unknown;
      if (polymer && type == gemmi::PolymerType::Unknown) type = gemmi::check_polymer_type(part);
      if (polymer && !gemmi::is_polypeptide(type)) {
        file.notes.push_back("chain " + chain.name + ": a polymer, but no protein");
        continue;
      }
      std::vector<Residue>* residues = &file.others;
      if (polymer) {
        file.chains.push_back({chain.name, first_monomers(*entity), {}});
        residues = &file.chains.back().residues;
      }
      for (const gemmi::Residue& residue : part) residues->push_back(plain(residue));
    }
}

// Files that come in pieces, each residue under its author's chain: PDB, and mmCIF without sequences.
void take_chains(const gemmi::Structure& structure, const gemmi::Model& model, File& file) {
  for (const gemmi::Chain& part : model.chains) {
    auto chain = std::find_if(file.chains.begin(), file.chains.end(), [&](auto& c) { return c.name == part.name; });
    if (chain == file.chains.end()) {
      const gemmi::Entity* entity = structure.get_entity(part.name);
      const bool known = structure.input_format == gemmi::CoorFormat::Pdb && entity;
      file.chains.push_back({part.name, known ? first_monomers(*entity) : std::vector<std::string>{}, {}});
      chain = file.chains.end() - 1;
    }
    for (const gemmi::Residue& residue : part.residues) chain->residues.push_back(plain(residue));
  }
}

File convert(gemmi::Structure& structure) {
  File file;
  file.resolution = structure.resolution;
  file.method = structure.get_info("_exptl.method");
  file.models = int(structure.models.size());
  if (structure.models.empty()) return file;
  const gemmi::Model& model = structure.models[0];
  const bool pdb = structure.input_format == gemmi::CoorFormat::Pdb;
  const bool sequences = std::any_of(structure.entities.begin(), structure.entities.end(),
                                     [](const gemmi::Entity& entity) { return !entity.full_sequence.empty(); });
  file.format = pdb ? "PDB" : "mmCIF";
  if (!pdb && sequences)
    take_entities(structure, model, file);
  else
    take_chains(structure, model, file);
  for (const gemmi::Connection& link : structure.connections)
    if ((link.type == gemmi::Connection::Covale || link.type == gemmi::Connection::Disulf) &&
        link.asu != gemmi::Asu::Different)
      file.links.push_back({{plain(link.partner1), plain(link.partner2)}});
  return file;
}

File parse(std::string bytes, const std::string& path) {
  const char* begin = bytes.data();
  const auto format = gemmi::coor_format_from_content(begin, begin + bytes.size());
  if (format == gemmi::CoorFormat::Mmcif) {
    gemmi::cif::Document document = gemmi::cif::read_memory(begin, bytes.size(), path.c_str());
    gemmi::Structure structure = gemmi::make_structure(document);
    File file = convert(structure);
    read_cif_extras(document.blocks.at(0), file);
    return file;
  }
  gemmi::PdbReadOptions columns;
  columns.max_line_length = 78;  // charges follow; old files keep an entry code there, which gemmi refuses
  gemmi::Structure structure = gemmi::read_pdb_from_memory(begin, bytes.size(), path, columns);
  File file = convert(structure);
  read_pdb_extras(bytes, structure, file);
  return file;
}

}  // namespace

const Atom* Residue::find(const char* atom) const {
  for (const Atom& a : atoms)
    if (a.name == atom) return &a;
  return nullptr;
}

File read(const std::string& path) {
  // gemmi's own stream takes the end of a truncated .gz for the end of the file, so the bytes are read here.
  std::string bytes = read_whole_file(path);
  if (bytes.empty()) throw UserError(path + ": is empty; a PDB or mmCIF file is needed");
  File file;
  try {
    file = parse(std::move(bytes), base_name(path));
  } catch (const std::exception& error) {
    std::string reason = error.what();
    reason.resize(std::min(reason.find('\n'), reason.size()));
    throw UserError(path + ": is neither a PDB nor an mmCIF file that can be read (" + reason + ")");
  }
  bool atoms = !file.others.empty();
  for (const Chain& chain : file.chains) atoms |= !chain.residues.empty();
  if (!atoms) throw UserError(path + ": holds no atoms; a PDB or mmCIF file with coordinates is needed");
  return file;
}

Monomer find_monomer(const std::string& name) {
  const gemmi::ResidueInfo info = gemmi::find_tabulated_residue(name);
  Kind kind = Kind::other;
  if (!info.found()) kind = Kind::unknown;
  if (info.is_amino_acid()) kind = Kind::amino_acid;
  if (info.is_nucleic_acid()) kind = Kind::nucleotide;
  if (info.is_water()) kind = Kind::water;
  return {kind, info.one_letter_code};
}

std::vector<int> align(const std::vector<std::string>& sequence, const std::vector<Residue>& residues) {
  if (residues.empty()) return {};
  gemmi::Entity entity("");
  entity.entity_type = gemmi::EntityType::Polymer;
  entity.polymer_type = gemmi::PolymerType::PeptideL;
  entity.full_sequence = sequence;
  gemmi::Chain chain("");
  for (const Residue& residue : residues) {
    gemmi::Residue copy;
    copy.name = residue.name;
    copy.seqid = gemmi::SeqId(int(chain.residues.size()) + 1, ' ');  // unique: one residue, one position
    for (const char* name : {"N", "CA", "C"})
      if (const Atom* atom = residue.find(name)) {
        copy.atoms.emplace_back();
        copy.atoms.back().name = name;
        copy.atoms.back().element = gemmi::Element(atom->element);
        copy.atoms.back().pos = {atom->xyz[0], atom->xyz[1], atom->xyz[2]};
      }
    chain.residues.push_back(std::move(copy));
  }
  gemmi::ResidueSpan span = chain.whole();
  gemmi::assign_label_seq_to_polymer(span, &entity, false);
  std::vector<int> positions;
  for (const gemmi::Residue& residue : chain.residues)
    positions.push_back(residue.label_seq.has_value() ? *residue.label_seq : 0);
  return positions;
}

}  // namespace heartbeat::structure_file
