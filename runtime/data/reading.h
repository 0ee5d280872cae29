// What a reader of files is told, and which readers there are.
#pragma once

#include "runtime/data/dataset.h"
#include "runtime/data/encoding.h"
#include "runtime/data/spec.h"

#include <filesystem>

namespace nnc {

struct Reading {
  DataItem const& item;
  std::filesystem::path path; // item.path, or a file below it when a folder is read
  ReadOptions& options;
  Encodings const& known; // of the training whose data these continue; an absent column is encoded anew
};

// A reader gives the columns under the names that the user asked for (Reading::item), encoded as Reading::known says
// where it says something, and lists the files that it read (Dataset::files), encodings of its columns, properties and
// what the user should know (Dataset::notes). Without splits of its own everything is `train`. Throws Error, which names
// the file and the line or example.
using Reader = Dataset (*)(Reading const&);

Dataset read_table(Reading const&);         // .csv .tsv, also .gz            (csv.cpp)
Dataset read_json_lines(Reading const&);    // .jsonl                         (json_lines.cpp)
Dataset read_numpy(Reading const&);         // .npy .npz                      (numpy.cpp)
Dataset read_tensors(Reading const&);       // .safetensors                   (arrays.cpp)
Dataset read_idx_file(Reading const&);      // .idx, any name that ends in -ubyte, also .gz
Dataset read_text(Reading const&);          // .txt, item.is_text             (text.cpp)
Dataset read_text_folder(Reading const&);   // folders of text files by class (text.cpp)
Dataset read_image(Reading const&);         // .png .jpg .jpeg: one example   (images.cpp)
Dataset read_image_folder(Reading const&);  // by class, or all of one        (images.cpp)
Dataset read_sound(Reading const&);         // .wav .flac: one example        (sounds.cpp)
Dataset read_sound_folder(Reading const&);  // by class                       (sounds.cpp)

// "a.csv.gz" -> ".csv.gz"; in small letters.
std::string ending_of(std::filesystem::path const&);

// The files below a folder whose names have one of these endings, in the order of their names; hidden ones left out.
std::vector<std::filesystem::path> files_below(std::filesystem::path const& folder,
                                               std::vector<std::string> const& endings);

// FOLDER/CLASS/FILE: the classes in the order of their names (numbers by value), or as `known` numbers them (then
// another class is an Error), and the files of each with its class. Throws Error for a class without a file.
struct ClassFolder {
  std::vector<std::string> classes;
  std::vector<std::filesystem::path> files; // class by class, each in the order of names
  std::vector<i32> labels;                  // one for each file
};
ClassFolder class_folder(std::filesystem::path const& folder, std::vector<std::string> const& endings,
                         std::vector<std::string> const* known);

// The folders of a set that is split by folder (train, test; training, testing; ...), where there are any.
struct SplitFolders {
  std::filesystem::path train, test; // either may be empty
};
SplitFolders split_folders(std::filesystem::path const& folder);

} // namespace nnc
