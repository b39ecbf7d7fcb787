"""Imports every module of the package in a folder, and says how many there were."""

import importlib
import pkgutil
import sys
from pathlib import Path

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder.parent))
package = importlib.import_module(folder.name)
names = [module.name for module in pkgutil.walk_packages(package.__path__, f"{folder.name}.")]
for name in names:
    importlib.import_module(name)
print(len(names))
