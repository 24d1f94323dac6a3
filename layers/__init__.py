"""What is drawn: map layers, symbols, colours and charts. Testable without Redis."""
