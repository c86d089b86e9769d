"""Replaces setuptools while pip downloads a source distribution.

`pip download` asks every source distribution for its metadata. For that it would run the package's setup.py and
download an unpinned setuptools. xtask only needs the file: it puts this module on PYTHONPATH as
`setuptools.build_meta` and disables build isolation. pip then gets name and version from here, and no code of the
package runs. Works with pip 22 to 26.
"""

import os


class _NoBuild:
    def prepare_metadata_for_build_wheel(self, metadata_directory, config_settings=None):
        name = os.environ["RESSENTI_SDIST_NAME"]
        version = os.environ["RESSENTI_SDIST_VERSION"]
        folder = "{}-{}.dist-info".format(name, version)
        os.mkdir(os.path.join(metadata_directory, folder))
        with open(os.path.join(metadata_directory, folder, "METADATA"), "w") as metadata:
            metadata.write("Metadata-Version: 2.1\nName: {}\nVersion: {}\n".format(name, version))
        return folder


__legacy__ = _NoBuild()
