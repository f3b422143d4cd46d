#include <cstdio>

#include "graph/protein.h"
#include "graph/synthetic.h"

namespace heartbeat {
namespace {

constexpr const char* kNames[kTokens] = {"ALA", "CYS", "ASP", "GLU", "PHE", "GLY", "HIS", "ILE", "LYS", "LEU", "MET",
                                         "ASN", "PRO", "GLN", "ARG", "SER", "THR", "VAL", "TRP", "TYR", "UNK"};

template <class... Args>
void print(std::string& to, const char* format, Args... args) {
  char line[256];
  std::snprintf(line, sizeof line, format, args...);
  to += line;
}

}  // namespace

std::string mmcif_of(const SyntheticProtein& protein) {
  const char* id = protein.id.c_str();
  std::string text;
  print(text, "data_%s\n#\n_entry.id %s\n", id, id);
  text +=
      "_struct.title 'ideal helices, strands and loops, made by make_proteins'\n_exptl.method 'THEORETICAL MODEL'\n";
  text +=
      "_cell.length_a 1\n_cell.length_b 1\n_cell.length_c 1\n_cell.angle_alpha 90\n_cell.angle_beta 90\n"
      "_cell.angle_gamma 90\n_symmetry.space_group_name_H-M 'P 1'\n#\n";
  text += "_entity.id 1\n_entity.type polymer\n#\n_entity_poly.entity_id 1\n_entity_poly.type polypeptide(L)\n#\n";
  text += "_struct_asym.id A\n_struct_asym.entity_id 1\n#\n";
  text += "loop_\n_entity_poly_seq.entity_id\n_entity_poly_seq.num\n_entity_poly_seq.mon_id\n_entity_poly_seq.hetero\n";
  int position = 0;
  for (const SyntheticResidue& residue : protein.residues)
    print(text, "1 %d %s n\n", ++position, kNames[residue.token]);
  text +=
      "#\nloop_\n_atom_site.group_PDB\n_atom_site.id\n_atom_site.type_symbol\n_atom_site.label_atom_id\n"
      "_atom_site.label_alt_id\n_atom_site.label_comp_id\n_atom_site.label_asym_id\n_atom_site.label_entity_id\n"
      "_atom_site.label_seq_id\n_atom_site.pdbx_PDB_ins_code\n_atom_site.Cartn_x\n_atom_site.Cartn_y\n"
      "_atom_site.Cartn_z\n_atom_site.occupancy\n_atom_site.B_iso_or_equiv\n_atom_site.auth_seq_id\n"
      "_atom_site.auth_asym_id\n_atom_site.pdbx_PDB_model_num\n";
  int serial = 0;
  position = 0;
  for (const SyntheticResidue& residue : protein.residues) {
    ++position;
    for (const NamedAtom& atom : residue.atoms) {
      print(text, "ATOM %d %c %s . %s A 1 %d ? ", ++serial, atom.name[0], atom.name.c_str(), kNames[residue.token],
            position);
      print(text, "%.3f %.3f %.3f 1.00 20.00 %d A 1\n", atom.xyz[0], atom.xyz[1], atom.xyz[2], position);
    }
  }
  return text + "#\n";
}

}  // namespace heartbeat
