// What folders of pictures and of sounds have in common: which files, and of which class each is.
#pragma once

#include "runtime/data/reading.h"

namespace nnc {

struct MediaFiles {
  std::string column; // that the user named, or `name`
  std::vector<std::filesystem::path> paths;
  std::vector<i32> labels;          // one for each file, or none
  std::vector<std::string> classes; // by label
};

MediaFiles one_file(Reading const&, std::string const& name);

// FOLDER/CLASS/FILE, or FOLDER/FILE without classes. Throws Error for a folder with both.
MediaFiles files_of_folder(Reading const&, std::string const& name, std::vector<std::string> const& endings);

// The column `label` and the files of the set, whose other columns are there.
void add_labels(Dataset&, MediaFiles);

} // namespace nnc
