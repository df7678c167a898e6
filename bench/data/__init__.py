"""What every data set gives, and what reading one needs; the data sets lie in the folders of their domains."""
