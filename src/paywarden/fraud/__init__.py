"""Engine one: scenarios, reasons and the fraud opinion."""
