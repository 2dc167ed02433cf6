"""Which file: the system's own file dialogs, to save with the folder of the last time."""

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QSettings, QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget

_FOLDER = "export/folder"


def choose_csv_path(parent: QWidget, settings: QSettings, suggested: str) -> Path | None:
    """Ask where a CSV file goes; None when it is not wanted after all."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    folder = Path(str(settings.value(_FOLDER) or documents))
    chosen, _ = QFileDialog.getSaveFileName(
        parent,
        QCoreApplication.translate("FileDialogs", "Export trades"),
        str(folder / suggested),
        QCoreApplication.translate("FileDialogs", "CSV files (*.csv)"),
    )
    if not chosen:
        return None
    path = Path(chosen)
    path = path if path.suffix else path.with_suffix(".csv")
    settings.setValue(_FOLDER, str(path.parent))
    return path


def choose_config_path(parent: QWidget) -> Path | None:
    """Ask which configuration is to be opened; None when none is wanted after all."""
    chosen, _ = QFileDialog.getOpenFileName(
        parent,
        QCoreApplication.translate("FileDialogs", "Open configuration"),
        "",
        QCoreApplication.translate("FileDialogs", "Configurations (*.toml *.json)"),
    )
    return Path(chosen) if chosen else None
